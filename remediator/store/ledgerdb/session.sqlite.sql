-- Who signed in with a browser. The secret itself is nowhere.
CREATE TABLE session (
  digest  TEXT    PRIMARY KEY, -- SHA-256 of the secret
  name    TEXT    NOT NULL,
  roles   TEXT    NOT NULL, -- comma between them; empty when the token's count
  token   TEXT    NOT NULL, -- SHA-256 of the token that it came from; empty for none
  method  TEXT    NOT NULL,
  created INTEGER NOT NULL,
  seen    INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
