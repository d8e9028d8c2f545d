-- Views: what people ask for, derived from the facts in the same transaction.
-- Nothing is decided from them.
CREATE TABLE remedy (
  remedy   TEXT    NOT NULL,
  mode     TEXT    NOT NULL, -- live or shadow
  seq      INTEGER NOT NULL, -- of the decision in the ledger
  at       INTEGER NOT NULL,
  rule     TEXT    NOT NULL,
  decision TEXT    NOT NULL,
  reason   TEXT    NOT NULL,
  status   TEXT    NOT NULL,
  customer TEXT    NOT NULL,
  subject  TEXT    NOT NULL,
  account  TEXT    NOT NULL,
  source   TEXT    NOT NULL,
  event    TEXT    NOT NULL,
  ended_at INTEGER NOT NULL, -- 0 while it is open
  bulk     TEXT    NOT NULL, -- that holds it with others; empty for none
  PRIMARY KEY (remedy, mode)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX remedy_seq ON remedy (seq);
-- What waits for a person, and what ended badly: both are few.
CREATE INDEX remedy_held ON remedy (rule, reason, bulk, at) WHERE mode = 'live' AND status = 'held';
CREATE INDEX remedy_failed ON remedy (ended_at) WHERE status IN ('failed', 'failed-after-arrival');
CREATE INDEX remedy_customer ON remedy (customer, seq);
CREATE INDEX remedy_rule ON remedy (rule, seq);
CREATE INDEX remedy_status ON remedy (status, seq);
CREATE INDEX remedy_bulk ON remedy (bulk) WHERE bulk <> '';

-- What rules make good afterwards, each held under one approval.
CREATE TABLE bulk (
  bulk  TEXT PRIMARY KEY,
  state BLOB NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE action (
  number    INTEGER PRIMARY KEY, -- by the decision in the ledger, then by place
  action    TEXT    NOT NULL UNIQUE,
  remedy    TEXT    NOT NULL,
  rule      TEXT    NOT NULL,
  account   TEXT    NOT NULL,
  at        INTEGER NOT NULL, -- of the decision
  name      TEXT    NOT NULL,
  kind      TEXT    NOT NULL,
  connector TEXT    NOT NULL,
  payment   TEXT    NOT NULL,
  customer  TEXT    NOT NULL,
  cord      TEXT    NOT NULL,
  template  TEXT    NOT NULL,
  endpoint  TEXT    NOT NULL, -- receiver of a webhook
  minor     INTEGER NOT NULL,
  currency  TEXT    NOT NULL, -- empty when it moves no money
  status    TEXT    NOT NULL,
  attempts  INTEGER NOT NULL,
  code      TEXT    NOT NULL,
  ref       TEXT    NOT NULL, -- the provider's id
  seen_at   TEXT    NOT NULL,
  accepted_at INTEGER NOT NULL, -- log time at which the provider had taken it on; 0: it has not
  arrived_at  INTEGER NOT NULL, -- when the provider had finished; 0: it has not, or took that back
  place     INTEGER NOT NULL  -- among the remedy's steps
) STRICT;
CREATE INDEX action_remedy ON action (remedy, place);
CREATE INDEX action_refund ON action (connector, accepted_at) WHERE kind = 'refund';
CREATE INDEX action_accepted ON action (accepted_at, currency, kind, status, minor) WHERE accepted_at > 0 AND currency <> '';
CREATE INDEX action_endpoint ON action (endpoint) WHERE endpoint <> '';
CREATE INDEX action_status ON action (kind, status, number) WHERE currency <> '';
CREATE INDEX action_rule ON action (kind, rule, status, number) WHERE currency <> '';
CREATE INDEX action_customer ON action (customer, number) WHERE currency <> '';
CREATE INDEX action_payment ON action (payment, number) WHERE currency <> '' AND payment <> '';
CREATE INDEX action_at ON action (at, number) WHERE currency <> '';

-- How many steps move how much money, by the day of the decision: the sums of the
-- table above, so that nobody adds up a million rows.
CREATE TABLE payout_sum (
  day      INTEGER NOT NULL, -- of UTC since 1970
  kind     TEXT    NOT NULL,
  rule     TEXT    NOT NULL,
  account  TEXT    NOT NULL,
  status   TEXT    NOT NULL,
  currency TEXT    NOT NULL,
  steps    INTEGER NOT NULL, -- 0: there were some
  minor    INTEGER NOT NULL,
  PRIMARY KEY (kind, rule, account, status, currency, day)
) STRICT, WITHOUT ROWID;

-- How many remedies there are, by the day of the decision.
CREATE TABLE remedy_sum (
  day      INTEGER NOT NULL,
  rule     TEXT    NOT NULL,
  mode     TEXT    NOT NULL,
  decision TEXT    NOT NULL,
  status   TEXT    NOT NULL,
  remedies INTEGER NOT NULL, -- 0: there were some
  last_at  INTEGER NOT NULL, -- of the newest decision that was ever counted here
  PRIMARY KEY (rule, mode, decision, status, day)
) STRICT, WITHOUT ROWID;

-- Refunds, ours and others', that their providers have not finished.
CREATE TABLE pending (
  name      TEXT PRIMARY KEY, -- connector:reference
  connector TEXT NOT NULL,
  ref       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cord (
  cord  TEXT    PRIMARY KEY,
  level TEXT    NOT NULL,
  pulls INTEGER NOT NULL,
  state BLOB    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX cord_stopped ON cord (cord) WHERE level <> 'open';

-- What is missing of clients of the SDK; no row for one of which nothing is.
CREATE TABLE gap (
  client  TEXT    PRIMARY KEY,
  service TEXT    NOT NULL, -- the source of its events
  missing INTEGER NOT NULL, -- events
  since   INTEGER NOT NULL  -- log time at which the first of them was passed over
) STRICT, WITHOUT ROWID;

-- Customers whose data may not be erased.
CREATE TABLE legal_hold (
  customer TEXT    PRIMARY KEY,
  by_whom  TEXT    NOT NULL,
  since    INTEGER NOT NULL -- log time
) STRICT, WITHOUT ROWID;

-- What commands came to, for as long as a repeat of one may come.
CREATE TABLE command (
  id     TEXT    PRIMARY KEY, -- of the input
  at     INTEGER NOT NULL,
  answer BLOB    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX command_at ON command (at);

-- The rule set that waits for another person, if any.
CREATE TABLE proposal (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  state BLOB    NOT NULL -- JSON
) STRICT;

-- What became of the events, as far as progress facts have counted them.
CREATE TABLE counted (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  through    INTEGER NOT NULL,
  inputs     INTEGER NOT NULL,
  received   INTEGER NOT NULL,
  duplicates INTEGER NOT NULL,
  no_match   INTEGER NOT NULL,
  judged     INTEGER NOT NULL,
  remedies   INTEGER NOT NULL,
  late       INTEGER NOT NULL,
  no_key     INTEGER NOT NULL,
  errors     INTEGER NOT NULL
) STRICT;
INSERT INTO counted VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

-- What comparisons with providers found, and what they did not agree on.
CREATE TABLE reconciliation (
  seq       INTEGER PRIMARY KEY, -- of the fact in the ledger
  at        INTEGER NOT NULL,
  connector TEXT    NOT NULL,
  fact      BLOB    NOT NULL -- JSON
) STRICT;

CREATE TABLE difference (
  difference TEXT    PRIMARY KEY,
  seq        INTEGER NOT NULL, -- of the fact that opened it
  connector  TEXT    NOT NULL,
  status     TEXT    NOT NULL, -- open or closed
  opened_at  INTEGER NOT NULL,
  opened_by  TEXT    NOT NULL,
  closed_at  INTEGER NOT NULL, -- 0 while it is open
  closed_by  TEXT    NOT NULL,
  fact       BLOB    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX difference_status ON difference (status, seq);

-- What people learn from, and what they wrote about it.
CREATE TABLE coe (
  coe        TEXT    PRIMARY KEY,
  seq        INTEGER NOT NULL, -- of the fact that opened it
  status     TEXT    NOT NULL,
  about      TEXT    NOT NULL, -- the cord, or the rule
  revision   INTEGER NOT NULL, -- 0 while nobody wrote one
  changed_at INTEGER NOT NULL,
  state      BLOB    NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX coe_status ON coe (status, seq);
CREATE INDEX coe_seq ON coe (seq);
CREATE INDEX coe_about ON coe (about, seq);

CREATE TABLE coe_revision (
  coe      TEXT    NOT NULL,
  revision INTEGER NOT NULL, -- from 1
  digest   TEXT    NOT NULL, -- SHA-256 of the text, which a fact of the ledger names
  author   TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  text     TEXT    NOT NULL,
  PRIMARY KEY (coe, revision)
) STRICT, WITHOUT ROWID;
