"""Every word of the console, Chinese and English; templates hold none."""

from typing import Literal, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

FRAME: dict[str, tuple[str, str]] = {
    "brand": ("回头", "Huitou"),
    "skip": ("跳到正文", "Skip to content"),
    "other_language": ("English", "中文"),
    "menu": ("主导航", "Main menu"),
    "experiments": ("实验", "Experiments"),
    "login": ("登录", "Log in"),
    "logout": ("退出登录", "Log out"),
    "login_lead": (
        "用 API 密钥登录控制台。密钥须有 marketing 或 admin 权限；"
        "请向管理员索取，由 huitou keys create 命令生成。",
        "Log in with an API key of scope marketing or admin. Your administrator makes one with "
        "huitou keys create.",
    ),
    "key": ("API 密钥", "API key"),
    "login_refused": (
        "这个密钥不能打开控制台：密钥有误、已吊销，或没有 marketing 权限。",
        "This key does not open the console: it is wrong, revoked, or lacks the scope marketing.",
    ),
    "back_to_list": ("返回实验列表", "Back to all experiments"),
    "none": ("—", "—"),
    "colon": ("：", ": "),
    "problem_404": ("没有这个页面", "There is no such page"),
    "problem_404_remedy": (
        "网址可能有误，或该实验不存在。请从实验列表进入。",
        "The address may be wrong, or there is no such experiment. Start from the list.",
    ),
    "problem_403": ("表单已失效", "This form is out of date"),
    "problem_403_remedy": (
        "页面打开太久，或不是从本控制台提交。请重新打开页面再提交一次，并确认浏览器允许 Cookie。",
        "It was opened too long ago, or did not come from this console. Open the page again, and let the "
        "browser keep its cookie.",
    ),
    "problem_local": ("只能在本机访问", "Open on this machine only"),
    "problem_local_remedy": (
        "还没有任何密钥，所以控制台只接受本机以 localhost 或 127.0.0.1 访问。"
        "创建密钥：huitou keys create --scope marketing",
        "There is no key yet, so the console opens only on this machine as localhost or 127.0.0.1. Create a "
        "key: huitou keys create --scope marketing",
    ),
    "problem_503": ("数据库暂时没有应答", "The database is not answering"),
    "problem_503_remedy": ("请稍后刷新页面。", "Load the page again in a moment."),
    "problem_500": ("出错了", "Something went wrong"),
    "problem_500_remedy": (
        "请联系管理员，并告知编号 {request}。",
        "Tell your administrator the number {request}.",
    ),
}

LIST: dict[str, tuple[str, str]] = {
    "list_lead": (
        "每个实验都在回答同一个问题：这个改动有没有让更多顾客回来？",
        "Every experiment answers one question: did this change bring more customers back?",
    ),
    "list_empty": ("还没有实验", "No experiments yet"),
    "list_empty_lead": (
        "实验把顾客随机分成两组：一组照旧（对照组），一组得到新做法（实验组），再比较哪一组回来得更多。三步开始：",
        "An experiment splits customers at random: some go on as before (the control), some get something "
        "new, and we compare how many come back. Three steps:",
    ),
    "list_empty_1": (
        "写下假设：给谁、改什么、希望哪个指标变好。",
        "Write down the idea: for whom, what changes, and which number should improve.",
    ),
    "list_empty_2": (
        "请数据同事写成设计文件（可参考 examples/experiments/ 里的例子），并运行：",
        "Ask a data scientist to write it as a design file (see examples/experiments/) and to run:",
    ),
    "list_empty_2_command": ("huitou experiment start 设计文件.toml", "huitou experiment start DESIGN.toml"),
    "list_empty_3": (
        "顾客陆续进入实验后，运行 huitou experiment report 生成报告，结果就会出现在这一页。",
        "Once customers take part, huitou experiment report makes a report, and the result appears here.",
    ),
    "state_draft": ("草稿", "draft"),
    "state_running": ("运行中", "running"),
    "state_stopped": ("已停止", "stopped"),
    "state_decided": ("已决定", "decided"),
    "simulated": ("模拟", "simulated"),
    "simulated_about": (
        "顾客是模拟出来的，真实提升事先设定，用来检验本系统的结论是否可信。",
        "The customers are made up and the true lift is known, to check that the answer can be trusted.",
    ),
    "no_report": ("还没有报告", "No report yet"),
    "no_report_about": (
        "运行 huitou experiment report {key} 后，结果会显示在这里。",
        "Results appear here after huitou experiment report {key} has run.",
    ),
    "primary_lift": ("{measure}的提升", "Lift of {measure}"),
    "matured_share": ("已成熟顾客", "Matured customers"),
    "days_left": ("预计还需", "Still to go"),
    "days_left_done": ("已达计划", "planned number reached"),
    "last_report": ("最近一次报告", "Last report"),
    "days": ("{days} 天", "{days} days"),
}

VERDICT: dict[str, tuple[str, str]] = {
    "verdict": ("结论", "Verdict"),
    "verdict_ship": ("上线", "Ship"),
    "verdict_roll_back": ("下线", "Roll back"),
    "verdict_keep_running": ("继续运行", "Keep running"),
    "verdict_review": ("需要复核", "Review"),
    "decision": ("最终决定", "Decided"),
    "reasons": ("理由", "Why"),
    "remedy": ("下一步", "What to do"),
    "interval": ("{level} 置信区间 {interval}", "{level} interval {interval}"),
    "share_more": (
        "每 100 位顾客中约多 {size} 位（可能在 {low} 到 {high} 之间）。",
        "Of every 100 customers about {size} more (likely between {low} and {high}).",
    ),
    "share_fewer": (
        "每 100 位顾客中约少 {size} 位（变化可能在 {low} 到 {high} 之间）。",
        "Of every 100 customers about {size} fewer (the change is likely between {low} and {high}).",
    ),
    "mean_more": (
        "平均每位顾客多 {size}（可能在 {low} 到 {high} 之间）。",
        "On average {size} more per customer (likely between {low} and {high}).",
    ),
    "mean_fewer": (
        "平均每位顾客少 {size}（变化可能在 {low} 到 {high} 之间）。",
        "On average {size} less per customer (the change is likely between {low} and {high}).",
    ),
    "maybe_nothing": ("区间包含 0：也可能没有差别。", "The interval holds 0: there may be no difference."),
    "from_to": ("{measure}由 {control} 变为 {mean}", "{measure} from {control} to {mean}"),
    "data_through": ("数据截至 {day}", "Data through {day}"),
    "reported_at": ("报告生成于 {moment}", "Report made {moment}"),
    "truth": ("预设的真实提升", "Planted true lift"),
    "estimate": ("本次估计", "Our estimate"),
    "truth_inside": ("真实值落在区间内。", "The truth lies inside the interval."),
    "truth_outside": (
        "真实值不在区间内；{level} 的区间平均每 {times} 次会错过一次。",
        "The truth lies outside the interval; a {level} interval misses it about once in {times}.",
    ),
    "older_version": (
        "本报告依据设计版本 {version}，之后设计有过修改；请重新生成报告。",
        "This report was made with version {version} of the design, which has changed since; make a new one.",
    ),
    "notes": ("阅读结果前请注意", "Before you read the numbers"),
    "split_wrong": (
        "各组人数比例与计划不符（{p}）。在查明原因之前，请不要采信本页任何数字。",
        "Customers did not split as planned ({p}). Trust no number here until the cause is found.",
    ),
}

RESULTS: dict[str, tuple[str, str]] = {
    "contents": ("本页内容", "On this page"),
    "results": ("各指标结果", "Results"),
    "results_about": (
        "每个指标都与对照组比较。横线是 {level} 置信区间，即真实变化可能所在的范围；"
        "整条横线都在 0 的一侧，才算显著。",
        "Every number is compared with the control. The bar is the {level} interval, where the true change "
        "likely lies; only if all of it is on one side of 0 is the change significant.",
    ),
    "without_finding": ("其余指标：尚无显著差别", "The others: no clear difference"),
    "definitions": ("这些指标怎么算", "What these measures count"),
    "column_measure": ("指标", "Measure"),
    "column_variant": ("实验组", "Variant"),
    "column_customers": ("顾客数", "Customers"),
    "column_values": ("对照组 → 实验组", "Control → variant"),
    "column_lift": ("提升", "Lift"),
    "column_interval": ("置信区间", "Interval"),
    "column_relative": ("相对变化", "Relative"),
    "column_p": ("p 值", "p-value"),
    "column_finding": ("判断", "Finding"),
    "better": ("显著更好", "better"),
    "worse": ("显著更差", "worse"),
    "no_finding": ("尚无显著差别", "no clear difference"),
    "not_to_be_trusted": ("不可采信", "not to be trusted"),
    "withheld_no_customers": ("某组尚无可计入的顾客", "a variant has no customers that count yet"),
    "withheld_one_customer": ("某组只有一位可计入的顾客", "a variant has only one customer that counts"),
    "withheld_no_variation": (
        "组内取值全都相同，无法判断偶然性",
        "all values are the same, so chance cannot be judged",
    ),
    "withheld_no_denominator": ("某组的分母合计为零", "a variant's denominators sum to zero"),
    "withheld_no_extra_cost": (
        "该组的优惠成本并未明显高于对照组",
        "its offers did not clearly cost more than the control's",
    ),
    "withheld_window_open": (
        "尚无顾客走完整个观察期",
        "nobody has been watched to the end of the window yet",
    ),
    "withheld_other": ("暂不给出", "withheld"),
    "p_about": (
        "p 值：如果其实没有差别，偶然看到这么大差距的可能性。“判断”一栏已按多重比较校正。",
        "p-value: how often chance alone would show such a gap if there were no difference. The finding is "
        "corrected for looking at several.",
    ),
    "cumulative": ("逐日累计提升", "Lift so far, day by day"),
    "cumulative_about": (
        "每一天都只用当时已成熟的顾客重新计算。色带会随顾客增多而收窄；不要因为某一天的高低下结论。",
        "Each day again, with the customers that had matured by then. The band narrows as more do; no single "
        "day decides.",
    ),
    "band_every_look": (
        "色带对每一天同时有效，天天看也不会多出误报，所以比只看一次的区间宽。",
        "The band holds on all days together, so looking daily adds no false alarms; it is wider than the "
        "interval of one look.",
    ),
    "band_one_look": (
        "色带只对单次查看有效：固定规则请以最后一天为准。",
        "The band holds for a single look: under the fixed rule only the last day counts.",
    ),
    "cumulative_last": (
        "到 {day}：{variant} 为 {lift}（{interval}），依据 {n} 位已成熟顾客。",
        "By {day}: {variant} at {lift} ({interval}), from {n} matured customers.",
    ),
    "retention": ("回购曲线", "Retention curves"),
    "retention_about": (
        "曝光后第几天，各组有多大比例的顾客已再次下单（Kaplan–Meier，尚未观察满的顾客也用到已知的天数）。",
        "By each day after exposure, the share of each arm that has ordered again (Kaplan–Meier: customers "
        "still being watched count for the days known).",
    ),
    "sooner": (
        "{variant}：{days} 天内，顾客平均早回来 {size} 天（{interval}）。",
        "{variant}: within {days} days customers came back {size} days sooner on average ({interval}).",
    ),
    "later": (
        "{variant}：{days} 天内，顾客平均晚回来 {size} 天（{interval}）。",
        "{variant}: within {days} days customers came back {size} days later on average ({interval}).",
    ),
    "days_between": ("可能在 {low} 到 {high} 天之间", "likely between {low} and {high} days"),
    "days_either_way": (
        "可能从早 {sooner} 天到晚 {later} 天",
        "likely between {sooner} days sooner and {later} days later",
    ),
    "log_rank_differs": (
        "两条曲线整体有显著差别（log-rank {p}）。",
        "The whole curves differ (log-rank {p}).",
    ),
    "log_rank_same": (
        "两条曲线整体看不出显著差别（log-rank {p}）。",
        "The whole curves do not clearly differ (log-rank {p}).",
    ),
    "withheld_for": ("{variant}：{reason}。", "{variant}: {reason}."),
    "guardrails": ("护栏指标", "Guardrails"),
    "guardrails_about": (
        "护栏指标不许变差超过底线。只有整个区间都在底线以内，才算守住。",
        "A guardrail must not get worse than its margin. It holds only if its whole interval is on the safe "
        "side.",
    ),
    "column_margin": ("底线", "Margin"),
    "column_state": ("状态", "State"),
    "holds": ("守住", "holds"),
    "unclear": ("尚不明确", "unclear"),
    "breached": ("已触破", "breached"),
    "guardrail_meaning": (
        "变化 {relative}，区间 {interval}，底线 {margin}。",
        "changed by {relative}, interval {interval}, margin {margin}.",
    ),
    "segments": ("分人群结果", "By tier and segment"),
    "segments_about": (
        "以下是主要指标在各人群中的提升，等级与客群按顾客进入实验时的状态。判断已按“实验组 × 人群”校正；"
        "人群越细，区间越宽，请勿挑选个别人群下结论。",
        "The primary measure within each group; tier and segment are as they were when the customer joined. "
        "Findings are corrected for variants × groups; small groups have wide intervals, so pick none.",
    ),
    "by_tier": ("会员等级", "Tier"),
    "by_segment": ("客群", "Segment"),
    "by_other": ("{by}", "{by}"),
    "unknown": ("未知", "unknown"),
    "segment_champions": ("冠军顾客", "champions"),
    "segment_loyal": ("忠诚顾客", "loyal"),
    "segment_potential_loyal": ("潜在忠诚", "potential loyal"),
    "segment_newcomers": ("新顾客", "newcomers"),
    "segment_promising": ("有潜力", "promising"),
    "segment_needs_attention": ("需要关注", "needs attention"),
    "segment_at_risk": ("有流失风险", "at risk"),
    "segment_cannot_lose": ("不能流失", "cannot lose"),
    "segment_hibernating": ("沉睡顾客", "hibernating"),
}

PROGRESS: dict[str, tuple[str, str]] = {
    "progress": ("进度", "Progress"),
    "progress_about": (
        "只有观察期已满的顾客（已成熟顾客）才计入结果；把没满的也算进去，会低估真实提升。",
        "Only customers whose whole window has passed (matured) count; counting the others would understate "
        "the true lift.",
    ),
    "exposed": ("已曝光（进入实验）", "Exposed (in the experiment)"),
    "matured": ("已成熟", "Matured"),
    "planned": ("计划成熟人数", "Planned to mature"),
    "days_so_far": ("已进行", "So far"),
    "matured_of": (
        "{exposed} 位进入实验的顾客中，{matured} 位（{share}）已成熟。",
        "{matured} of {exposed} customers ({share}) have matured.",
    ),
    "planned_of": ("计划 {planned} 位成熟后收尾。", "The experiment ends once {planned} have matured."),
    "days_left_about": (
        "按目前的速度，约还需 {days} 天。",
        "At today's pace it needs about {days} more days.",
    ),
    "money": ("折合成钱", "What it is worth"),
    "annual_margin": ("每年增量毛利", "Incremental margin a year"),
    "annual_margin_about": (
        "{variant}：一年约{gain} {value}（{low} 到 {high}），平均每位顾客 {per_customer}。",
        "{variant}: about {value} {gain} a year ({low} to {high}), {per_customer} per customer.",
    ),
    "gain": ("多赚", "more"),
    "loss": ("少赚", "less"),
    "offer_return": ("优惠增量回报", "Incremental offer return"),
    "offer_return_about": (
        "{variant}：优惠每多花 {one}，收回成本外净赚 {value}（{low} 到 {high}）；"
        "每位顾客毛利 {margin}，成本 {cost}。",
        "{variant}: every {one} more spent on offers came back with {value} on top ({low} to "
        "{high}); per customer margin {margin}, cost {cost}.",
    ),
    "offer_return_meaning": ("大于 0 表示优惠赚回了成本。", "Above 0 the offer paid for itself."),
}

DESIGN: dict[str, tuple[str, str]] = {
    "design": ("实验设计", "Design"),
    "design_unreadable": (
        "存档的设计不符合现在的规则，无法显示；结果不受影响。",
        "The stored design breaks a younger rule and cannot be shown; the results are unaffected.",
    ),
    "design_about": (
        "设计在看到数据之前写定；运行期间分组方式不可更改。",
        "The design was written before any data was seen; who gets what cannot change while it runs.",
    ),
    "hypothesis": ("假设", "Hypothesis"),
    "variants": ("分组", "Variants"),
    "column_weight": ("比例", "Share"),
    "column_treatment": ("做法", "What it does"),
    "treatment_none": ("照旧", "nothing changes"),
    "treatment_offer_policy": ("优惠策略 {value}", "offer policy {value}"),
    "treatment_release": ("推荐版本 {value}", "release {value}"),
    "treatment_max_per_category": ("每个类目最多 {value} 件", "at most {value} products of a category"),
    "treatment_boost_categories": ("提前类目 {value}", "boosts {value}"),
    "treatment_bury_categories": ("靠后类目 {value}", "buries {value}"),
    "and": ("；", "; "),
    "list_comma": ("、", ", "),
    "is_control": ("对照组", "control"),
    "primary": ("主要指标", "Primary measure"),
    "rule": ("判定规则", "Rule"),
    "rule_fixed": ("固定：只在结束时看一次结果", "fixed: one look, at the end"),
    "rule_sequence": ("序贯：随时可看，误报率不变", "sequence: look at any time without more false alarms"),
    "rule_hybrid": (
        "混合：运行中可随时看，到计划人数时收尾",
        "hybrid: look at any time, and end at the planned number",
    ),
    "alpha": ("误报率上限", "False alarms at most"),
    "planned_customers": ("计划成熟人数", "Planned matured customers"),
    "minimum_days": ("最少天数", "Minimum days"),
    "coverage": ("参与比例", "Coverage"),
    "coverage_from": ("{day} 起 {coverage}", "{coverage} from {day}"),
    "targeting": ("参与条件", "Who takes part"),
    "everyone": ("所有顾客", "everyone"),
    "layer": ("互斥层", "Layer"),
    "version": ("设计版本", "Version"),
    "audit": ("操作记录", "Audit log"),
    "audit_about": (
        "谁在何时做了什么；只增不改。",
        "Who did what and when; nothing is ever changed or removed.",
    ),
    "column_when": ("时间", "When"),
    "column_who": ("操作人", "Who"),
    "column_what": ("操作", "What"),
    "column_detail": ("说明", "Detail"),
    "action_created": ("创建", "created"),
    "action_revised": ("修改设计", "revised"),
    "action_started": ("开始", "started"),
    "action_stopped": ("停止", "stopped"),
    "action_decided": ("决定", "decided"),
    "action_reported": ("生成报告", "reported"),
    "export": ("导出", "Export"),
    "export_html": ("报告（HTML，单个文件）", "Report (HTML, one file)"),
    "export_csv": ("数据（CSV，可用 Excel 打开）", "Numbers (CSV, opens in Excel)"),
    "export_title": ("实验报告", "Experiment report"),
}

UNITS: dict[str, tuple[str, str]] = {
    "gap": ("", " "),
    "points": (" 个百分点", " points"),
    "to": (" 至 ", " to "),
}

WORDS = FRAME | LIST | VERDICT | RESULTS | PROGRESS | DESIGN | UNITS


def say(language: Language, key: str, /, **values: object) -> str:
    """A text with its places filled."""
    return WORDS[key][LANGUAGES.index(language)].format(**values)
