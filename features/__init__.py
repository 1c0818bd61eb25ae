"""The ground floor: words, tables, profiles, releases and stores that training and serving share."""
