-- What was heard of whom: whoever takes requests notes it, and nothing is decided from
-- it. Times are those of the machine.
CREATE TABLE heard (
  source   TEXT COLLATE "C" NOT NULL, -- of the events
  type     TEXT COLLATE "C" NOT NULL,
  events   BIGINT           NOT NULL, -- that were accepted, repeats included
  first_at BIGINT           NOT NULL,
  last_at  BIGINT           NOT NULL,
  PRIMARY KEY (source, type)
);
CREATE INDEX heard_last ON heard (last_at);

-- The programs that send, as they name themselves.
CREATE TABLE heard_agent (
  source  TEXT COLLATE "C" NOT NULL,
  agent   TEXT COLLATE "C" NOT NULL,
  last_at BIGINT           NOT NULL,
  PRIMARY KEY (source, agent)
);
CREATE INDEX heard_agent_last ON heard_agent (last_at);

-- Who asks for the gates, and when a node spoke with them last.
CREATE TABLE listener (
  source  TEXT COLLATE "C" NOT NULL, -- empty: they did not say
  agent   TEXT COLLATE "C" NOT NULL,
  node    TEXT COLLATE "C" NOT NULL,
  streams BIGINT           NOT NULL, -- open then
  last_at BIGINT           NOT NULL,
  PRIMARY KEY (source, agent, node)
);
CREATE INDEX listener_last ON listener (last_at);

-- What happened to cords, which a COE looks for through a month.
CREATE INDEX ledger_cords ON ledger (seq) WHERE kind IN ('pull', 'acknowledge', 'escalation', 'release');
