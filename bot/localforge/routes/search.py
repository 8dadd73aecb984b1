"""Search of issues and pull requests: the qualifiers that a bot uses, and 422 for any other."""

import re

from bot.localforge.payloads import issues as payloads
from bot.localforge.wire import Refusal, route

WORDS = re.compile(r'(-?)(\w+):("[^"]*"|\S+)|"([^"]*)"|(\S+)')
IS = {
    "open": "state = 'open'",
    "closed": "state = 'closed'",
    "issue": "not is_pull",
    "pr": "is_pull",
    "pull-request": "is_pull",
    "merged": "issues.id in (select issue_id from pulls where merged_at is not null)",
    "unmerged": "issues.id in (select issue_id from pulls where merged_at is null)",
    "draft": "issues.id in (select issue_id from pulls where draft)",
}
SORTS = {
    "created": "issues.created_at",
    "updated": "issues.updated_at",
    "comments": "(select count(*) from comments where issue_id = issues.id)",
}


def _condition(name: str, value: str) -> tuple[str, list]:
    if name in ("is", "type", "state") and value in IS:
        return IS[value], []
    if name == "repo":
        return "issues.repo_id in (select id from repos where owner || '/' || name = ? collate nocase)", [value]
    if name in ("user", "org"):
        return "issues.repo_id in (select id from repos where owner = ?)", [value]
    if name == "author":
        return "issues.login = ? collate nocase", [
            value.removeprefix("app/") + ("[bot]" if value.startswith("app/") else "")
        ]
    if name == "assignee":
        return "issues.id in (select issue_id from assignees where login = ?)", [value]
    if name == "label":
        names = [part.strip('"') for part in value.split(",")]
        return (
            "issues.id in (select issue_id from issue_labels join labels on label_id = labels.id "
            f"where name in ({','.join('?' * len(names))}))",
            names,
        )
    if name in ("head", "base"):
        return f"issues.id in (select issue_id from pulls where {name}_ref = ?)", [value]
    if name in ("created", "updated", "closed"):
        found = re.fullmatch(r"(>=|<=|>|<)?(\d{4}-\d\d-\d\d(?:T[\d:]+(?:Z|[+-]\d\d:\d\d)?)?)", value)
        if found and found[1]:
            from bot.localforge.routes.issues import moment

            return f"issues.{name}_at {found[1]} ?", [moment(found[2])]
    raise Refusal(
        422,
        "Validation Failed",
        [
            {
                "resource": "Search",
                "field": "q",
                "code": "invalid",
                "message": f"The local forge (an emulator) does not know the qualifier {name}:{value}",
            }
        ],
    )


def _item(forge, repo, row) -> dict:
    """A found issue: without who closed it, and without an empty body, as the description of search has it."""
    absent = {"closed_by"} if row["body"] is not None else {"closed_by", "body"}
    shown = payloads.issue(forge, repo, row)
    return {key: value for key, value in shown.items() if key not in absent} | {"score": 1.0}


@route("GET", "/search/issues", role="none")
def issues(call):
    text = call.query.get("q", "")
    if not text.strip() or len(text) > 1000:
        raise Refusal(
            422,
            "Validation Failed",
            [{"resource": "Search", "field": "q", "code": "missing" if not text.strip() else "invalid"}],
        )
    where, args, places = [], [], ["title", "body"]
    terms = []
    for found in WORDS.finditer(text):
        minus, name, value, phrase, word = found.groups()
        if name == "in":
            places = [part for part in value.split(",") if part in ("title", "body", "comments")] or places
        elif name in ("sort", "archived", "no", "linked"):
            raise Refusal(422, "Validation Failed", [{"resource": "Search", "field": "q", "code": "invalid"}])
        elif name:
            condition, more = _condition(name.lower(), value.strip('"'))
            where.append(f"{'not ' if minus else ''}({condition})")
            args += more
        else:
            terms.append(phrase if phrase is not None else word)
    for term in terms:
        like = "%" + re.sub(r"([\\%_])", r"\\\1", term) + "%"
        ways = [f"issues.{place} like ? escape '\\'" for place in places if place != "comments"]
        if "comments" in places:
            ways.append("issues.id in (select issue_id from comments where body like ? escape '\\')")
        where.append(f"({' or '.join(ways)})")
        args += [like] * len(ways)
    order = SORTS.get(call.query.get("sort", "created"))
    if order is None:
        raise Refusal(422, "Validation Failed", [{"resource": "Search", "field": "sort", "code": "invalid"}])
    way = "asc" if call.query.get("order") == "asc" else "desc"
    visible = [
        row["id"] for row in call.store.all("select * from repos") if call.forge.people.may(call.actor, row, "read")
    ]
    where.append(f"issues.repo_id in ({','.join('?' * len(visible))})")
    sql = f"select issues.* from issues where {' and '.join(where)} order by {order} {way}, issues.id {way}"
    args += visible
    repos = {row["id"]: row for row in call.store.all("select * from repos")}
    items = [_item(call.forge, repos[row["repo_id"]], row) for row in call.page_rows(sql, *args)]
    return {
        "total_count": call.count(sql, *args),
        "incomplete_results": False,
        "search_type": "lexical",
        "items": items,
    }
