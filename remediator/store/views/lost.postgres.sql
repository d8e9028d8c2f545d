-- What the windows of rules forgot because of their bounds, as far as progress facts
-- have counted it.
CREATE TABLE window_lost (
  rule    TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- empty for the rest, behind four hundred
  windows BIGINT           NOT NULL,
  parts   BIGINT           NOT NULL
);
INSERT INTO window_lost (rule, windows, parts)
  SELECT lost.value ->> 'rule', SUM(COALESCE((lost.value ->> 'windows')::BIGINT, 0)), SUM(COALESCE((lost.value ->> 'parts')::BIGINT, 0))
  FROM ledger, jsonb_array_elements(convert_from(ledger.body, 'UTF8')::jsonb -> 'windows_lost') AS lost
  WHERE ledger.kind = 'progress' GROUP BY 1;
