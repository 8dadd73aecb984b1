-- What the local forge keeps beside git: everything a bare repository cannot hold. Ids start apart from each other
-- and far from issue numbers, so that code which mixes them up fails here as it would on GitHub.

create table if not exists users (
    id integer primary key, login text not null unique collate nocase, type text not null default 'User',
    name text, email text, created_at text not null);

create table if not exists tokens (
    token text primary key, login text not null, kind text not null check (kind in ('person', 'job')),
    repo_id integer, permissions text not null default '{}', run_id integer, created_at text not null);

create table if not exists repos (
    id integer primary key autoincrement, owner text not null collate nocase, name text not null collate nocase,
    description text, homepage text, private integer not null default 0, default_branch text not null,
    topics text not null default '[]', next_number integer not null default 1, delete_branch_on_merge integer not null default 0,
    archived integer not null default 0, jobs_may_open_pulls integer not null default 1,
    created_at text not null, updated_at text not null, pushed_at text not null,
    unique (owner, name));

create table if not exists collaborators (
    repo_id integer not null, login text not null collate nocase, role text not null, primary key (repo_id, login));

-- The refs as last seen: a difference from git is a change whose consequences (events, merged PRs) are still to come.
create table if not exists refs (
    repo_id integer not null, name text not null, sha text not null, primary key (repo_id, name)) without rowid;

create table if not exists issues (
    id integer primary key autoincrement, repo_id integer not null, number integer not null, is_pull integer not null default 0,
    title text not null, body text, login text not null, state text not null default 'open', state_reason text,
    locked integer not null default 0, lock_reason text, closed_at text, closed_by text,
    created_at text not null, updated_at text not null, unique (repo_id, number));
create index if not exists issues_by_update on issues (repo_id, updated_at);

create table if not exists pulls (
    issue_id integer primary key, pull_id integer not null unique, head_ref text not null, head_sha text not null, base_ref text not null,
    base_sha text not null, draft integer not null default 0, merged_at text, merged_by text, merge_sha text,
    mergeable integer, asked integer not null default 0, test_sha text);

create table if not exists labels (
    id integer primary key autoincrement, repo_id integer not null, name text not null collate nocase,
    color text not null, description text, unique (repo_id, name));
create table if not exists issue_labels (
    issue_id integer not null, label_id integer not null, primary key (issue_id, label_id));
create index if not exists issues_by_label on issue_labels (label_id);
create table if not exists assignees (
    issue_id integer not null, login text not null collate nocase, primary key (issue_id, login));
create table if not exists requested_reviewers (
    issue_id integer not null, login text not null collate nocase, primary key (issue_id, login));

create table if not exists comments (
    id integer primary key autoincrement, repo_id integer not null, issue_id integer not null, login text not null,
    body text not null, minimized text, created_at text not null, updated_at text not null);
create index if not exists comments_by_issue on comments (issue_id);
create index if not exists comments_by_update on comments (repo_id, updated_at);

create table if not exists reactions (
    id integer primary key autoincrement, kind text not null, subject_id integer not null, login text not null,
    content text not null, created_at text not null, unique (kind, subject_id, login, content));

create table if not exists sub_issues (
    child_id integer primary key, parent_id integer not null, position real not null);
create index if not exists sub_issues_by_parent on sub_issues (parent_id, position);
create table if not exists dependencies (
    issue_id integer not null, blocker_id integer not null, created_at text not null, primary key (issue_id, blocker_id));
create index if not exists dependencies_by_blocker on dependencies (blocker_id);

create table if not exists issue_events (
    id integer primary key autoincrement, repo_id integer not null, issue_id integer not null, event text not null,
    login text not null, data text not null default '{}', created_at text not null);
create index if not exists issue_events_by_issue on issue_events (issue_id);

create table if not exists reviews (
    id integer primary key autoincrement, issue_id integer not null, login text not null, body text not null default '',
    state text not null, commit_id text not null, submitted_at text, created_at text not null);
create index if not exists reviews_by_issue on reviews (issue_id);
create table if not exists review_comments (
    id integer primary key autoincrement, repo_id integer not null, issue_id integer not null, review_id integer not null,
    login text not null, path text not null, line integer, original_line integer, side text, start_line integer,
    start_side text, position integer, original_position integer,
    subject_type text not null default 'line', commit_id text not null, original_commit_id text not null, diff_hunk text not null, body text not null,
    in_reply_to integer, created_at text not null, updated_at text not null);
create index if not exists review_comments_by_issue on review_comments (issue_id);

create table if not exists commit_comments (
    id integer primary key autoincrement, repo_id integer not null, sha text not null, login text not null, path text,
    position integer, line integer, body text not null, created_at text not null, updated_at text not null);

create table if not exists statuses (
    id integer primary key autoincrement, repo_id integer not null, sha text not null, state text not null,
    context text not null, description text, target_url text, login text not null, created_at text not null);
create index if not exists statuses_by_sha on statuses (repo_id, sha);

create table if not exists check_suites (
    id integer primary key autoincrement, repo_id integer not null, sha text not null, branch text,
    created_at text not null, unique (repo_id, sha));
create table if not exists check_runs (
    id integer primary key autoincrement, repo_id integer not null, suite_id integer not null, sha text not null, name text not null,
    status text not null, conclusion text, external_id text, details_url text, output text not null default '{}',
    started_at text, completed_at text);
create index if not exists check_runs_by_sha on check_runs (repo_id, sha);

create table if not exists hooks (
    id integer primary key autoincrement, repo_id integer not null, active integer not null, events text not null,
    config text not null, last_code integer, last_status text not null default 'unused', last_message text,
    created_at text not null, updated_at text not null);
create table if not exists deliveries (
    id integer primary key autoincrement, hook_id integer not null, guid text not null, event text not null, action text,
    redelivery integer not null default 0, payload text not null, request_headers text not null default '{}',
    response_headers text not null default '{}', response_body text, status text, status_code integer, duration real,
    delivered_at text);
create index if not exists deliveries_by_hook on deliveries (hook_id);

-- Events whose consequences (workflow runs, webhook deliveries) have not been started yet.
create table if not exists outbox (id integer primary key autoincrement, event text not null);

create table if not exists secrets (
    repo_id integer not null, name text not null, value text not null, created_at text not null, updated_at text not null,
    primary key (repo_id, name));
create table if not exists variables (
    repo_id integer not null, name text not null, value text not null, created_at text not null, updated_at text not null,
    primary key (repo_id, name));
create table if not exists sessions (cookie text primary key, login text not null, form text not null, created_at text not null);
create table if not exists settings (name text primary key, value text not null);
