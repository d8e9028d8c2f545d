-- Who signed in with a browser. The secret itself is nowhere.
CREATE TABLE session (
  digest  TEXT COLLATE "C" PRIMARY KEY, -- SHA-256 of the secret
  name    TEXT COLLATE "C" NOT NULL,
  roles   TEXT COLLATE "C" NOT NULL, -- comma between them; empty when the token's count
  token   TEXT COLLATE "C" NOT NULL, -- SHA-256 of the token that it came from; empty for none
  method  TEXT COLLATE "C" NOT NULL,
  created BIGINT           NOT NULL,
  seen    BIGINT           NOT NULL,
  expires BIGINT           NOT NULL
);
