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
  PRIMARY KEY (remedy, mode)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX remedy_seq ON remedy (seq);

CREATE TABLE action (
  action    TEXT    PRIMARY KEY,
  remedy    TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  kind      TEXT    NOT NULL,
  connector TEXT    NOT NULL,
  payment   TEXT    NOT NULL,
  customer  TEXT    NOT NULL,
  cord      TEXT    NOT NULL,
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

CREATE TABLE cord (
  cord     TEXT    PRIMARY KEY,
  level    TEXT    NOT NULL,
  pull     TEXT    NOT NULL,
  since    INTEGER NOT NULL,
  rule     TEXT    NOT NULL,
  remedy   TEXT    NOT NULL,
  evidence INTEGER NOT NULL,
  pulls    INTEGER NOT NULL,
  reason   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

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
