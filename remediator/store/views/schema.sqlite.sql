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
CREATE INDEX remedy_bulk ON remedy (bulk) WHERE bulk <> '';

-- What rules make good afterwards, each held under one approval.
CREATE TABLE bulk (
  bulk  TEXT PRIMARY KEY,
  state BLOB NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE action (
  action    TEXT    PRIMARY KEY,
  remedy    TEXT    NOT NULL,
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
  place     INTEGER NOT NULL  -- among the remedy's steps
) STRICT, WITHOUT ROWID;
CREATE INDEX action_remedy ON action (remedy, place);
CREATE INDEX action_endpoint ON action (endpoint) WHERE endpoint <> '';

CREATE TABLE cord (
  cord  TEXT    PRIMARY KEY,
  level TEXT    NOT NULL,
  pulls INTEGER NOT NULL,
  state BLOB    NOT NULL -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX cord_stopped ON cord (cord) WHERE level <> 'open';

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
