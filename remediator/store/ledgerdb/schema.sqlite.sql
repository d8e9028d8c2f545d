-- Who may commit: a handle that was opened later has a higher epoch, and only
-- the highest commits.
CREATE TABLE lease (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  epoch INTEGER NOT NULL
) STRICT;
INSERT INTO lease (id, epoch) VALUES (1, 0);

-- How far the log was folded; signed, and no row before the first commit.
CREATE TABLE applied (
  id      INTEGER PRIMARY KEY CHECK (id = 1),
  log_id  TEXT    NOT NULL,
  record  INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  digest  BLOB    NOT NULL,
  version INTEGER NOT NULL,
  size    INTEGER NOT NULL,
  note    BLOB    NOT NULL
) STRICT;

-- The ledger. Only what is sealed stands here: leaf is the hash of the others.
CREATE TABLE ledger (
  seq     INTEGER PRIMARY KEY,
  kind    TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  version INTEGER NOT NULL,
  remedy  TEXT    NOT NULL, -- empty for none
  action  TEXT    NOT NULL, -- empty for none
  rule    TEXT    NOT NULL, -- empty for none
  body    BLOB    NOT NULL,
  leaf    BLOB    NOT NULL
) STRICT;
CREATE INDEX ledger_remedy ON ledger (remedy, seq) WHERE remedy <> '';
CREATE INDEX ledger_rules ON ledger (kind, seq) WHERE kind IN ('rules', 'rule-text'); -- they are few

CREATE TABLE tile (
  level  INTEGER NOT NULL,
  idx    INTEGER NOT NULL,
  width  INTEGER NOT NULL,
  hashes BLOB    NOT NULL,
  PRIMARY KEY (level, idx)
) STRICT;

CREATE TABLE checkpoint (
  id   INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL,
  root BLOB    NOT NULL,
  note BLOB    NOT NULL
) STRICT;

-- The keys that remedies took, for ever.
CREATE TABLE once_key (
  id      BLOB    PRIMARY KEY, -- of the remedy, which is made from scope and key
  scope   TEXT    NOT NULL,
  ordinal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE shadow_key (
  id      BLOB    PRIMARY KEY,
  scope   TEXT    NOT NULL,
  ordinal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was refunded on each payment, entry by entry.
CREATE TABLE payment (
  id       INTEGER PRIMARY KEY,
  payment  TEXT    NOT NULL, -- connector:payment
  action   TEXT    NOT NULL,
  minor    INTEGER NOT NULL,
  currency TEXT    NOT NULL,
  ordinal  INTEGER NOT NULL
) STRICT;
CREATE INDEX payment_payment ON payment (payment, ordinal);

-- What was known of refunds at providers, ours and others', state after state.
CREATE TABLE refund (
  name    TEXT    NOT NULL, -- connector:reference
  ordinal INTEGER NOT NULL,
  state   BLOB    NOT NULL, -- JSON
  PRIMARY KEY (name, ordinal)
) STRICT, WITHOUT ROWID;

-- Actions for connectors. Rows stay when they are settled, so that no number of
-- an attempt is given twice when a person has an action tried again.
CREATE TABLE outbox (
  action           TEXT    PRIMARY KEY,
  remedy           TEXT    NOT NULL,
  connector        TEXT    NOT NULL,
  kind             TEXT    NOT NULL,
  name             TEXT    NOT NULL,
  rule             TEXT    NOT NULL, -- whose brake stops it
  approved         INTEGER NOT NULL,
  entry            INTEGER NOT NULL, -- sequence of the sealed decision
  state            TEXT    NOT NULL, -- due, reported or settled
  attempts         INTEGER NOT NULL,
  first_attempt_at INTEGER NOT NULL, -- 0 before the first
  next_at          INTEGER NOT NULL,
  lease_until      INTEGER NOT NULL, -- 0 when nobody holds it
  holder           TEXT    NOT NULL, -- which handle claimed it last; empty for none
  ordinal          INTEGER NOT NULL,
  at               INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (connector, next_at, ordinal) WHERE state = 'due';
CREATE INDEX outbox_reported ON outbox (action) WHERE state = 'reported';

-- What is stopped. A row is set by whoever stops and confirmed by the fold, which
-- alone lifts it. While a target has a row, nothing of it is claimed.
CREATE TABLE brake (
  target  TEXT    NOT NULL, -- money, rule:NAME, connector:NAME or cord:PATH
  id      TEXT    NOT NULL, -- of the command, or of the pull, that set it
  by_whom TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  ordinal INTEGER NOT NULL, -- 0 until the fold has confirmed it
  PRIMARY KEY (target, id)
) STRICT, WITHOUT ROWID;

-- Who may speak to the service. The secret itself is nowhere.
CREATE TABLE token (
  id      TEXT    PRIMARY KEY,
  name    TEXT    NOT NULL,
  roles   TEXT    NOT NULL, -- comma between them
  sha256  TEXT    NOT NULL UNIQUE,
  expires INTEGER NOT NULL, -- 0: never
  revoked INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- States of the fold, the newest few.
CREATE TABLE snapshot (
  ordinal INTEGER PRIMARY KEY,
  log_id  TEXT    NOT NULL,
  record  INTEGER NOT NULL,
  skip    INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  inputs  BLOB    NOT NULL, -- running digest of the inputs
  version INTEGER NOT NULL,
  sealed  INTEGER NOT NULL, -- sequence of the entry that seals the digest
  digest  TEXT    NOT NULL,
  state   BLOB    NOT NULL
) STRICT;

-- The keys of evidence. Destroying one erases what it opens.
CREATE TABLE customer_key (
  customer TEXT PRIMARY KEY,
  key      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Store credit: a lot is what one action gave. Entries are never changed; those
-- of one transaction add up to zero, and what a customer has left of a lot is
-- the sum of the customer's entries in it.
CREATE TABLE credit_lot (
  lot      TEXT    PRIMARY KEY, -- the action
  remedy   TEXT    NOT NULL,
  customer TEXT    NOT NULL,
  minor    INTEGER NOT NULL,
  currency TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  expires  INTEGER NOT NULL -- 0: never
) STRICT, WITHOUT ROWID;
CREATE INDEX credit_lot_customer ON credit_lot (customer, currency);
CREATE TABLE credit_entry (
  txn      TEXT    NOT NULL, -- grant:ACTION or redeem:KEY
  account  TEXT    NOT NULL, -- goodwill, redeemed or customer:ID
  lot      TEXT    NOT NULL,
  minor    INTEGER NOT NULL,
  currency TEXT    NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (lot, account, txn)
) STRICT, WITHOUT ROWID;
CREATE TABLE credit_redemption (
  key        TEXT    PRIMARY KEY,
  customer   TEXT    NOT NULL,
  minor      INTEGER NOT NULL,
  currency   TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  left_minor INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
