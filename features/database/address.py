"""An address as people may see it: the path of a SQLite file, and never a password."""

import re

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError


def shown_address(url: str) -> str:
    """A SQLAlchemy or web address without its password; of SQLite the path alone."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        # Not in the usual form: whatever stands before an @ may be a secret.
        return re.sub(r"//[^@]*@", "//***@", url)
    if address.get_backend_name() == "sqlite" and address.database:
        return address.database
    # PostgreSQL also takes the password as a parameter.
    secret = {name: "***" for name in address.query if "password" in name.lower()}
    return address.update_query_dict(secret).render_as_string(hide_password=True)


def without_secrets(text: str, url: str) -> str:
    """A driver's words with the address and its password replaced by what may be seen."""
    text = text.replace(url, shown_address(url))
    try:
        password = make_url(url).password
    except (ArgumentError, ValueError):
        return text
    return text.replace(str(password), "***") if password else text
