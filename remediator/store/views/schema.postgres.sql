-- Views: what people ask for, derived from the facts in the same transaction.
-- Nothing is decided from them.
CREATE TABLE remedy (
  remedy   TEXT COLLATE "C" NOT NULL,
  mode     TEXT COLLATE "C" NOT NULL, -- live or shadow
  seq      BIGINT           NOT NULL, -- of the decision in the ledger
  at       BIGINT           NOT NULL,
  rule     TEXT COLLATE "C" NOT NULL,
  decision TEXT COLLATE "C" NOT NULL,
  reason   TEXT COLLATE "C" NOT NULL,
  status   TEXT COLLATE "C" NOT NULL,
  customer TEXT COLLATE "C" NOT NULL,
  subject  TEXT COLLATE "C" NOT NULL,
  account  TEXT COLLATE "C" NOT NULL,
  source   TEXT COLLATE "C" NOT NULL,
  event    TEXT COLLATE "C" NOT NULL,
  ended_at BIGINT           NOT NULL, -- 0 while it is open
  bulk     TEXT COLLATE "C" NOT NULL, -- that holds it with others; empty for none
  PRIMARY KEY (remedy, mode)
);
CREATE UNIQUE INDEX remedy_seq ON remedy (seq);
-- What waits for a person, and what ended badly: both are few.
CREATE INDEX remedy_held ON remedy (rule, reason, bulk, at) WHERE mode = 'live' AND status = 'held';
CREATE INDEX remedy_failed ON remedy (ended_at) WHERE status IN ('failed', 'failed-after-arrival');
CREATE INDEX remedy_customer ON remedy (customer, seq);
CREATE INDEX remedy_rule ON remedy (rule, seq);
CREATE INDEX remedy_status ON remedy (status, seq);
CREATE INDEX remedy_bulk ON remedy (bulk, seq);

-- What rules make good afterwards, each held under one approval.
CREATE TABLE bulk (
  bulk  TEXT COLLATE "C" PRIMARY KEY,
  state BYTEA            NOT NULL -- JSON
);

CREATE TABLE action (
  number    BIGINT           PRIMARY KEY, -- by the decision in the ledger, then by place
  action    TEXT COLLATE "C" NOT NULL UNIQUE,
  remedy    TEXT COLLATE "C" NOT NULL,
  rule      TEXT COLLATE "C" NOT NULL,
  account   TEXT COLLATE "C" NOT NULL,
  at        BIGINT           NOT NULL, -- of the decision
  name      TEXT COLLATE "C" NOT NULL,
  kind      TEXT COLLATE "C" NOT NULL,
  connector TEXT COLLATE "C" NOT NULL,
  payment   TEXT COLLATE "C" NOT NULL,
  customer  TEXT COLLATE "C" NOT NULL,
  cord      TEXT COLLATE "C" NOT NULL,
  template  TEXT COLLATE "C" NOT NULL,
  endpoint  TEXT COLLATE "C" NOT NULL, -- receiver of a webhook
  minor     BIGINT           NOT NULL,
  currency  TEXT COLLATE "C" NOT NULL, -- empty when it moves no money
  status    TEXT COLLATE "C" NOT NULL,
  attempts  BIGINT           NOT NULL,
  code      TEXT COLLATE "C" NOT NULL,
  ref       TEXT COLLATE "C" NOT NULL, -- the provider's id
  seen_at   TEXT COLLATE "C" NOT NULL,
  accepted_at BIGINT         NOT NULL, -- log time at which the provider had taken it on; 0: it has not
  arrived_at  BIGINT         NOT NULL, -- when the provider had finished; 0: it has not, or took that back
  place     BIGINT           NOT NULL -- among the remedy's steps
);
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
  day      BIGINT           NOT NULL, -- of UTC since 1970
  kind     TEXT COLLATE "C" NOT NULL,
  rule     TEXT COLLATE "C" NOT NULL,
  account  TEXT COLLATE "C" NOT NULL,
  status   TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  steps    BIGINT           NOT NULL, -- 0: there were some
  minor    BIGINT           NOT NULL,
  PRIMARY KEY (kind, rule, account, status, currency, day)
);

-- How many remedies there are, by the day of the decision.
CREATE TABLE remedy_sum (
  day      BIGINT           NOT NULL,
  rule     TEXT COLLATE "C" NOT NULL,
  mode     TEXT COLLATE "C" NOT NULL,
  decision TEXT COLLATE "C" NOT NULL,
  status   TEXT COLLATE "C" NOT NULL,
  remedies BIGINT           NOT NULL, -- 0: there were some
  last_at  BIGINT           NOT NULL, -- of the newest decision that was ever counted here
  PRIMARY KEY (rule, mode, decision, status, day)
);

-- Refunds, ours and others', that their providers have not finished.
CREATE TABLE pending (
  name      TEXT COLLATE "C" PRIMARY KEY, -- connector:reference
  connector TEXT COLLATE "C" NOT NULL,
  ref       TEXT COLLATE "C" NOT NULL
);

CREATE TABLE cord (
  cord  TEXT COLLATE "C" PRIMARY KEY,
  level TEXT COLLATE "C" NOT NULL,
  pulls BIGINT           NOT NULL,
  state BYTEA            NOT NULL -- JSON
);
CREATE INDEX cord_stopped ON cord (cord) WHERE level <> 'open';

-- What is missing of clients of the SDK; no row for one of which nothing is.
CREATE TABLE gap (
  client  TEXT COLLATE "C" PRIMARY KEY,
  service TEXT COLLATE "C" NOT NULL, -- the source of its events
  missing BIGINT           NOT NULL, -- events
  since   BIGINT           NOT NULL  -- log time at which the first of them was passed over
);

-- Customers whose data may not be erased.
CREATE TABLE legal_hold (
  customer TEXT COLLATE "C" PRIMARY KEY,
  by_whom  TEXT COLLATE "C" NOT NULL,
  since    BIGINT           NOT NULL -- log time
);

-- What commands came to, for as long as a repeat of one may come.
CREATE TABLE command (
  id     TEXT COLLATE "C" PRIMARY KEY, -- of the input
  at     BIGINT           NOT NULL,
  answer BYTEA            NOT NULL -- JSON
);
CREATE INDEX command_at ON command (at);

-- The rule set that waits for another person, if any.
CREATE TABLE proposal (
  id    BIGINT PRIMARY KEY CHECK (id = 1),
  state BYTEA  NOT NULL -- JSON
);

-- What became of the events, as far as progress facts have counted them.
CREATE TABLE counted (
  id         BIGINT PRIMARY KEY CHECK (id = 1),
  through    BIGINT NOT NULL,
  inputs     BIGINT NOT NULL,
  received   BIGINT NOT NULL,
  duplicates BIGINT NOT NULL,
  no_match   BIGINT NOT NULL,
  judged     BIGINT NOT NULL,
  remedies   BIGINT NOT NULL,
  late       BIGINT NOT NULL,
  no_key     BIGINT NOT NULL,
  errors     BIGINT NOT NULL
);
INSERT INTO counted VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

-- What comparisons with providers found, and what they did not agree on.
CREATE TABLE reconciliation (
  seq       BIGINT           PRIMARY KEY, -- of the fact in the ledger
  at        BIGINT           NOT NULL,
  connector TEXT COLLATE "C" NOT NULL,
  fact      BYTEA            NOT NULL -- JSON
);

CREATE TABLE difference (
  difference TEXT COLLATE "C" PRIMARY KEY,
  seq        BIGINT           NOT NULL, -- of the fact that opened it
  connector  TEXT COLLATE "C" NOT NULL,
  status     TEXT COLLATE "C" NOT NULL, -- open or closed
  opened_at  BIGINT           NOT NULL,
  opened_by  TEXT COLLATE "C" NOT NULL,
  closed_at  BIGINT           NOT NULL, -- 0 while it is open
  closed_by  TEXT COLLATE "C" NOT NULL,
  fact       BYTEA            NOT NULL -- JSON
);
CREATE INDEX difference_status ON difference (status, seq);

-- What people learn from, and what they wrote about it.
CREATE TABLE coe (
  coe        TEXT COLLATE "C" PRIMARY KEY,
  seq        BIGINT           NOT NULL, -- of the fact that opened it
  status     TEXT COLLATE "C" NOT NULL,
  about      TEXT COLLATE "C" NOT NULL, -- the cord, or the rule
  revision   BIGINT           NOT NULL, -- 0 while nobody wrote one
  changed_at BIGINT           NOT NULL,
  state      BYTEA            NOT NULL -- JSON
);
CREATE INDEX coe_status ON coe (status, seq);
CREATE INDEX coe_seq ON coe (seq);
CREATE INDEX coe_about ON coe (about, seq);

CREATE TABLE coe_revision (
  coe      TEXT COLLATE "C" NOT NULL,
  revision BIGINT           NOT NULL, -- from 1
  digest   TEXT COLLATE "C" NOT NULL, -- SHA-256 of the text, which a fact of the ledger names
  author   TEXT COLLATE "C" NOT NULL,
  at       BIGINT           NOT NULL,
  text     TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (coe, revision)
);
