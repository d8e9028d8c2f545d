-- The end of the log. Whoever appends holds this row until the append is durable,
-- so that sequences become visible in their order, without a gap.
CREATE TABLE log_head (
  id  SMALLINT PRIMARY KEY CHECK (id = 1),
  seq BIGINT NOT NULL,
  at  BIGINT NOT NULL
) WITH (fillfactor = 10); -- it changes with every append: room for its versions beside it
INSERT INTO log_head (id, seq, at) VALUES (1, 0, 0);

-- The log: one row is one durable append. A partition holds one day, and goes as
-- a whole when the day is forgotten.
CREATE TABLE log_record (
  seq  BIGINT NOT NULL,
  at   BIGINT NOT NULL, -- nanoseconds since the Unix epoch; never less than the row before
  blob BYTEA  NOT NULL, -- package input says what is inside
  PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);
ALTER TABLE log_record ALTER COLUMN blob SET STORAGE EXTERNAL; -- it is compressed
