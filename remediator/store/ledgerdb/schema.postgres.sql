-- Who may commit. Every time somebody becomes the one, the epoch goes up. All
-- times are the server's.
CREATE TABLE lease (
  id      BIGINT PRIMARY KEY CHECK (id = 1),
  epoch   BIGINT NOT NULL,
  holder  TEXT COLLATE "C" NOT NULL, -- the node; empty for none
  expires BIGINT NOT NULL, -- nanoseconds since the Unix epoch
  pid     BIGINT NOT NULL, -- of the connection that commits; 0 for none
  started TEXT COLLATE "C" NOT NULL, -- when that connection began: pids come again
  former_pid     BIGINT NOT NULL, -- the same of who held it before
  former_started TEXT COLLATE "C" NOT NULL
);
INSERT INTO lease VALUES (1, 0, '', 0, 0, '', 0, '');

-- Nodes that are there, or were until lately.
CREATE TABLE node (
  id      TEXT COLLATE "C" PRIMARY KEY, -- what the lease calls it
  name    TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL, -- of the program
  decide  BIGINT           NOT NULL, -- version of the deciding that it knows
  rules   TEXT COLLATE "C" NOT NULL, -- digest of its own rule files, empty for none
  ordinal BIGINT           NOT NULL, -- inputs that it has folded
  seen    BIGINT           NOT NULL
);

-- How far the log was folded; signed, and no row before the first commit.
CREATE TABLE applied (
  id      BIGINT           PRIMARY KEY CHECK (id = 1),
  log_id  TEXT COLLATE "C" NOT NULL,
  record  BIGINT           NOT NULL,
  ordinal BIGINT           NOT NULL,
  at      BIGINT           NOT NULL,
  digest  BYTEA            NOT NULL,
  version BIGINT           NOT NULL,
  size    BIGINT           NOT NULL,
  note    BYTEA            NOT NULL
);

-- The ledger. Only what is sealed stands here: leaf is the hash of the others.
CREATE TABLE ledger (
  seq     BIGINT           PRIMARY KEY,
  kind    TEXT COLLATE "C" NOT NULL,
  at      BIGINT           NOT NULL,
  ordinal BIGINT           NOT NULL,
  version BIGINT           NOT NULL,
  remedy  TEXT COLLATE "C" NOT NULL, -- empty for none
  action  TEXT COLLATE "C" NOT NULL, -- empty for none
  rule    TEXT COLLATE "C" NOT NULL, -- empty for none
  body    BYTEA            NOT NULL,
  leaf    BYTEA            NOT NULL
);
CREATE INDEX ledger_remedy ON ledger (remedy, seq);
CREATE INDEX ledger_rules ON ledger (kind, seq) WHERE kind IN ('rules', 'rule-text'); -- they are few

CREATE TABLE tile (
  level  BIGINT NOT NULL,
  idx    BIGINT NOT NULL,
  width  BIGINT NOT NULL,
  hashes BYTEA  NOT NULL,
  PRIMARY KEY (level, idx)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL; -- hashes do not compress

CREATE TABLE checkpoint (
  id   BIGINT PRIMARY KEY CHECK (id = 1),
  size BIGINT NOT NULL,
  root BYTEA  NOT NULL,
  note BYTEA  NOT NULL
);

-- The keys that remedies took, for ever.
CREATE TABLE once_key (
  id      BYTEA            PRIMARY KEY, -- of the remedy, which is made from scope and key
  scope   TEXT COLLATE "C" NOT NULL,
  ordinal BIGINT           NOT NULL
);
CREATE TABLE shadow_key (
  id      BYTEA            PRIMARY KEY,
  scope   TEXT COLLATE "C" NOT NULL,
  ordinal BIGINT           NOT NULL
);

-- What was refunded on each payment, entry by entry.
CREATE TABLE payment (
  id       BIGINT           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  payment  TEXT COLLATE "C" NOT NULL, -- connector:payment
  action   TEXT COLLATE "C" NOT NULL,
  minor    BIGINT           NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  ordinal  BIGINT           NOT NULL
);
CREATE INDEX payment_payment ON payment (payment, ordinal);

-- What was known of refunds at providers, ours and others', state after state.
CREATE TABLE refund (
  name    TEXT COLLATE "C" NOT NULL, -- connector:reference
  ordinal BIGINT           NOT NULL,
  state   BYTEA            NOT NULL, -- JSON
  PRIMARY KEY (name, ordinal)
);

-- Actions for connectors. Rows stay when they are settled, so that no number of
-- an attempt is given twice when a person has an action tried again.
CREATE TABLE outbox (
  action           TEXT COLLATE "C" PRIMARY KEY,
  remedy           TEXT COLLATE "C" NOT NULL,
  connector        TEXT COLLATE "C" NOT NULL,
  kind             TEXT COLLATE "C" NOT NULL,
  name             TEXT COLLATE "C" NOT NULL,
  rule             TEXT COLLATE "C" NOT NULL, -- whose brake stops it
  approved         BIGINT           NOT NULL,
  entry            BIGINT           NOT NULL, -- sequence of the sealed decision
  state            TEXT COLLATE "C" NOT NULL, -- due, reported or settled
  attempts         BIGINT           NOT NULL,
  first_attempt_at BIGINT           NOT NULL, -- 0 before the first
  next_at          BIGINT           NOT NULL,
  lease_until      BIGINT           NOT NULL, -- 0 when nobody holds it
  holder           TEXT COLLATE "C" NOT NULL, -- which handle claimed it last; empty for none
  ordinal          BIGINT           NOT NULL,
  at               BIGINT           NOT NULL
);
CREATE INDEX outbox_due ON outbox (connector, next_at, ordinal) WHERE state = 'due';
CREATE INDEX outbox_reported ON outbox (action) WHERE state = 'reported';

-- What is stopped. A row is set by whoever stops and confirmed by the fold, which
-- alone lifts it. While a target has a row, nothing of it is claimed.
CREATE TABLE brake (
  target  TEXT COLLATE "C" NOT NULL, -- money, rule:NAME, connector:NAME or cord:PATH
  id      TEXT COLLATE "C" NOT NULL, -- of the command, or of the pull, that set it
  by_whom TEXT COLLATE "C" NOT NULL,
  at      BIGINT           NOT NULL,
  ordinal BIGINT           NOT NULL, -- 0 until the fold has confirmed it
  PRIMARY KEY (target, id)
);

-- Who may speak to the service. The secret itself is nowhere.
CREATE TABLE token (
  id      TEXT COLLATE "C" PRIMARY KEY,
  name    TEXT COLLATE "C" NOT NULL,
  roles   TEXT COLLATE "C" NOT NULL, -- comma between them
  sha256  TEXT COLLATE "C" NOT NULL UNIQUE,
  expires BIGINT           NOT NULL, -- 0: never
  revoked BIGINT           NOT NULL
);

-- States of the fold, the newest few.
CREATE TABLE snapshot (
  ordinal BIGINT           PRIMARY KEY,
  log_id  TEXT COLLATE "C" NOT NULL,
  record  BIGINT           NOT NULL,
  skip    BIGINT           NOT NULL,
  at      BIGINT           NOT NULL,
  inputs  BYTEA            NOT NULL, -- running digest of the inputs
  version BIGINT           NOT NULL,
  sealed  BIGINT           NOT NULL, -- sequence of the entry that seals the digest
  digest  TEXT COLLATE "C" NOT NULL,
  state   BYTEA            NOT NULL
);

-- The keys of evidence. Destroying one erases what it opens.
CREATE TABLE customer_key (
  customer TEXT COLLATE "C" PRIMARY KEY,
  key      BYTEA            NOT NULL
);

-- Store credit: a lot is what one action gave. Entries are never changed; those
-- of one transaction add up to zero, and what a customer has left of a lot is
-- the sum of the customer's entries in it.
CREATE TABLE credit_lot (
  lot      TEXT COLLATE "C" PRIMARY KEY, -- the action
  remedy   TEXT COLLATE "C" NOT NULL,
  customer TEXT COLLATE "C" NOT NULL,
  minor    BIGINT           NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  at       BIGINT           NOT NULL,
  expires  BIGINT           NOT NULL -- 0: never
);
CREATE INDEX credit_lot_customer ON credit_lot (customer, currency);
CREATE TABLE credit_entry (
  txn      TEXT COLLATE "C" NOT NULL, -- grant:ACTION or redeem:KEY
  account  TEXT COLLATE "C" NOT NULL, -- goodwill, redeemed or customer:ID
  lot      TEXT COLLATE "C" NOT NULL,
  minor    BIGINT           NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  at       BIGINT           NOT NULL,
  PRIMARY KEY (lot, account, txn)
);
CREATE TABLE credit_redemption (
  key        TEXT COLLATE "C" PRIMARY KEY,
  customer   TEXT COLLATE "C" NOT NULL,
  minor      BIGINT           NOT NULL,
  currency   TEXT COLLATE "C" NOT NULL,
  at         BIGINT           NOT NULL,
  left_minor BIGINT           NOT NULL
);
