-- The log: one row is one durable append. Sequences have no gaps and are never
-- used twice: whatever removes old records keeps the last one.
CREATE TABLE record (
  seq  INTEGER PRIMARY KEY,
  at   BIGINT NOT NULL, -- nanoseconds since the Unix epoch; never less than the row before
  blob BLOB   NOT NULL  -- package input says what is inside
);
