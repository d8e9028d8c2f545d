-- Addresses that mail came back from: keyed hashes of them, never the addresses.
CREATE TABLE bounced (
  address BLOB    PRIMARY KEY,
  at      INTEGER NOT NULL,
  code    TEXT    NOT NULL -- what the mail server said
) STRICT, WITHOUT ROWID;

-- Receivers of webhooks that asked for no more, until somebody enables them.
CREATE TABLE disabled_endpoint (
  name TEXT    PRIMARY KEY,
  at   INTEGER NOT NULL,
  why  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
