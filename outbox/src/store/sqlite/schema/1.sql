-- The runs. Times are Unix milliseconds. A run's input is in another table, so that a change of state writes one page.
CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE,                    -- the Message-ID comes from it, in every attempt
  account TEXT NOT NULL,
  action TEXT NOT NULL,
  idem_key TEXT,
  idem_hash BLOB,                                 -- SHA-256 of account, action, input and keywords
  state TEXT NOT NULL CHECK (state IN ('held', 'ready', 'leased', 'sending', 'sent', 'failed', 'unknown', 'cancelled')),
  attempts INTEGER NOT NULL DEFAULT 0,            -- counted by the claim, so that a crash counts
  crashes INTEGER NOT NULL DEFAULT 0,             -- workers that died with the run before its mark
  started_at INTEGER NOT NULL,                    -- Unix seconds: the message's date
  next_try INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  lease_owner TEXT,                               -- kept in 'unknown' for the owner's late answer
  claim INTEGER,                                  -- which claim took it: one whose answer was lost is undone
  result TEXT,                                    -- the result or {"error": ...} of the last attempt
  has_input INTEGER NOT NULL DEFAULT 1,           -- 0 once the input was pruned
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX run_key ON run (account, idem_key) WHERE idem_key IS NOT NULL;
-- SQLite chooses a partial index by the text of its condition, so the queries repeat these conditions. It
-- has no statistics, so they name the index too: otherwise it reads a whole backlog.
CREATE INDEX run_ready ON run (account, next_try, id) WHERE state = 'ready';
CREATE INDEX run_expiry ON run (expires_at) WHERE state = 'ready';
CREATE INDEX run_taken ON run (account, lease_owner) WHERE state IN ('leased', 'sending');
CREATE INDEX run_ended ON run (updated_at) WHERE state IN ('sent', 'failed', 'cancelled');
CREATE INDEX run_input_kept ON run (updated_at) WHERE state IN ('sent', 'failed', 'cancelled') AND has_input = 1;
CREATE INDEX run_state ON run (state, id);
CREATE INDEX run_account ON run (account, id);

-- Inputs, keywords and captured attachments: the text, or the SHA-256 of a file beside the database.
CREATE TABLE run_input (
  run INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
  input TEXT,
  input_file TEXT,
  keywords TEXT,
  keywords_file TEXT,
  captured TEXT,                                  -- JSON, with the files in base64
  captured_file TEXT,
  CHECK ((input IS NULL) != (input_file IS NULL))
) STRICT;
CREATE INDEX run_input_file ON run_input (input_file) WHERE input_file IS NOT NULL;
CREATE INDEX run_keywords_file ON run_input (keywords_file) WHERE keywords_file IS NOT NULL;
CREATE INDEX run_captured_file ON run_input (captured_file) WHERE captured_file IS NOT NULL;

-- The recipients that an attempt reached. Those that are pending are in the next envelope.
CREATE TABLE recipient (
  run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
  address TEXT NOT NULL,
  field TEXT,
  state TEXT NOT NULL CHECK (state IN ('pending', 'accepted', 'refused')),
  code INTEGER,
  enhanced TEXT,
  reply TEXT,
  PRIMARY KEY (run, address)
) STRICT, WITHOUT ROWID;

-- The accounts: their pause, and how many runs were taken today.
CREATE TABLE account (
  name TEXT PRIMARY KEY,
  paused_until INTEGER,                           -- not NULL: one run tries the account at that time
  pause_code TEXT,
  pause_reason TEXT,
  pauses INTEGER NOT NULL DEFAULT 0,              -- in a row: each is longer
  first_day INTEGER,                              -- of the first run: a warm-up counts from it
  day INTEGER NOT NULL DEFAULT 0,                 -- days since 1970, UTC
  day_taken INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
-- The runs that were taken in the last minute, for accounts with a limit.
CREATE TABLE minute (
  account TEXT NOT NULL,
  at INTEGER NOT NULL,
  taken INTEGER NOT NULL,
  PRIMARY KEY (account, at)
) STRICT, WITHOUT ROWID;

-- What platforms react to, in order.
CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  account TEXT NOT NULL,
  run_id TEXT,
  result TEXT
) STRICT;

-- What each webhook has got, and the worker that serves it.
CREATE TABLE webhook (
  key TEXT PRIMARY KEY,                           -- SHA-256 of the URL, which may contain a token
  place TEXT NOT NULL,                            -- scheme, host and port of the URL
  prefix TEXT NOT NULL,                           -- of the ids of its posts
  last_event INTEGER NOT NULL,                    -- that it accepted
  failures INTEGER NOT NULL DEFAULT 0,            -- since then
  reason TEXT,                                    -- of the last failure
  next_try INTEGER,                               -- after a failure
  is_gone INTEGER NOT NULL DEFAULT 0,             -- it answered 410
  lease_owner TEXT,
  lease_until INTEGER NOT NULL DEFAULT 0,
  used_at INTEGER NOT NULL                        -- a webhook that no worker serves is deleted after a time
) STRICT, WITHOUT ROWID;
