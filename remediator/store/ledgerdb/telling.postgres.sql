-- Addresses that mail came back from: keyed hashes of them, never the addresses.
CREATE TABLE bounced (
  address BYTEA            PRIMARY KEY,
  at      BIGINT           NOT NULL,
  code    TEXT COLLATE "C" NOT NULL -- what the mail server said
);

-- Receivers of webhooks that asked for no more, until somebody enables them.
CREATE TABLE disabled_endpoint (
  name TEXT COLLATE "C" PRIMARY KEY,
  at   BIGINT           NOT NULL,
  why  TEXT COLLATE "C" NOT NULL
);
