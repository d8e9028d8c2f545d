-- What waits for a person, by what it waits for: how many remedies in the row without
-- a currency, and in those with one the money of the steps that are not carried out.
CREATE TABLE held_sum (
  rule     TEXT COLLATE "C" NOT NULL,
  reason   TEXT COLLATE "C" NOT NULL,
  bulk     TEXT COLLATE "C" NOT NULL, -- empty for none
  currency TEXT COLLATE "C" NOT NULL,
  counted  BIGINT           NOT NULL, -- remedies, or steps; 0: there were some
  minor    BIGINT           NOT NULL,
  PRIMARY KEY (rule, reason, bulk, currency)
);
INSERT INTO held_sum (rule, reason, bulk, currency, counted, minor)
  SELECT rule, reason, bulk, '', COUNT(*), 0 FROM remedy WHERE mode = 'live' AND status = 'held' GROUP BY rule, reason, bulk;
INSERT INTO held_sum (rule, reason, bulk, currency, counted, minor)
  SELECT r.rule, r.reason, r.bulk, a.currency, COUNT(*), CAST(SUM(a.minor) AS BIGINT) FROM remedy AS r JOIN action AS a ON a.remedy = r.remedy
  WHERE r.mode = 'live' AND r.status = 'held' AND a.currency <> '' AND a.status IN ('waiting', 'held') GROUP BY r.rule, r.reason, r.bulk, a.currency;

-- Refunds and credit that were taken on and not taken back, by the hour of log time.
CREATE TABLE paid_hour (
  hour     BIGINT           NOT NULL, -- since 1970
  currency TEXT COLLATE "C" NOT NULL,
  steps    BIGINT           NOT NULL, -- 0: there were some
  minor    BIGINT           NOT NULL,
  PRIMARY KEY (hour, currency)
);
INSERT INTO paid_hour (hour, currency, steps, minor)
  SELECT accepted_at / 3600000000000, currency, COUNT(*), CAST(SUM(minor) AS BIGINT) FROM action
  WHERE accepted_at > 0 AND currency <> '' AND kind IN ('refund', 'credit') AND status IN ('succeeded', 'pending')
  GROUP BY accepted_at / 3600000000000, currency;
DROP INDEX action_accepted; -- nobody adds up rows by the time any more

-- What ended badly is counted by an index alone.
DROP INDEX remedy_failed;
CREATE INDEX remedy_failed ON remedy (ended_at, rule, status) WHERE status IN ('failed', 'failed-after-arrival');
CREATE INDEX remedy_waiting ON remedy (rule, seq) WHERE mode = 'live' AND status = 'held';

-- The sums of payout_sum over all rules and accounts, which are asked for most.
CREATE TABLE payout_day (
  day      BIGINT           NOT NULL, -- of UTC since 1970
  kind     TEXT COLLATE "C" NOT NULL,
  status   TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  steps    BIGINT           NOT NULL, -- 0: there were some
  minor    BIGINT           NOT NULL,
  PRIMARY KEY (kind, status, currency, day)
);
INSERT INTO payout_day (day, kind, status, currency, steps, minor)
  SELECT day, kind, status, currency, CAST(SUM(steps) AS BIGINT), CAST(SUM(minor) AS BIGINT) FROM payout_sum GROUP BY day, kind, status, currency;
