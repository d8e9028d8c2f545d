-- What the windows of rules forgot because of their bounds, as far as progress facts
-- have counted it.
CREATE TABLE window_lost (
  rule    TEXT    NOT NULL PRIMARY KEY, -- empty for the rest, behind four hundred
  windows INTEGER NOT NULL,
  parts   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO window_lost (rule, windows, parts)
  SELECT lost.value ->> 'rule', SUM(COALESCE(lost.value ->> 'windows', 0)), SUM(COALESCE(lost.value ->> 'parts', 0))
  FROM ledger, json_each(CAST(ledger.body AS TEXT), '$.windows_lost') AS lost
  WHERE ledger.kind = 'progress' GROUP BY 1;
