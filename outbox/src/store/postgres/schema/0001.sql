-- The runs. The same columns as in the SQLite schema. Times are the server's: it decides what is due, whichever clock a
-- worker has. A run's input is in another table, so that a change of state writes a small row.
CREATE TABLE run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run_id text NOT NULL UNIQUE,                    -- the Message-ID comes from it, in every attempt
  account text COLLATE "C" NOT NULL,
  action text NOT NULL,
  idem_key text COLLATE "C",
  idem_hash bytea,                                -- SHA-256 of account, action, input and keywords
  state text NOT NULL CHECK (state IN ('held', 'ready', 'leased', 'sending', 'sent', 'failed', 'unknown', 'cancelled')),
  attempts integer NOT NULL DEFAULT 0,            -- counted by the claim, so that a crash counts
  crashes integer NOT NULL DEFAULT 0,             -- workers that died with the run before its mark
  started_at bigint NOT NULL,                     -- Unix seconds: the message's date
  next_try timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  lease_owner text,                               -- kept in 'unknown' for the owner's late answer
  claim bigint,                                   -- which claim took it: one whose answer was lost is undone
  -- The result or {"error": ...} of the last attempt. jsonb would refuse a reply with an escaped NUL.
  result json,
  has_input boolean NOT NULL DEFAULT true,        -- false once the input was pruned
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX run_key ON run (account, idem_key) WHERE idem_key IS NOT NULL;
CREATE INDEX run_ready ON run (account, next_try, id) WHERE state = 'ready';
CREATE INDEX run_expiry ON run (expires_at) WHERE state = 'ready';
CREATE INDEX run_taken ON run (account, lease_owner) WHERE state IN ('leased', 'sending');
CREATE INDEX run_ended ON run (updated_at) WHERE state IN ('sent', 'failed', 'cancelled');
CREATE INDEX run_input_kept ON run (updated_at) WHERE state IN ('sent', 'failed', 'cancelled') AND has_input;
CREATE INDEX run_state ON run (state, id);
CREATE INDEX run_account ON run (account, id);

-- Inputs, keywords and captured attachments, whatever their size: all machines reach them here.
CREATE TABLE run_input (
  run bigint PRIMARY KEY REFERENCES run ON DELETE CASCADE,
  input text NOT NULL,
  keywords text,
  captured text                                   -- JSON, with the files in base64
);

-- The recipients that an attempt reached. Those that are pending are in the next envelope.
CREATE TABLE recipient (
  run bigint NOT NULL REFERENCES run ON DELETE CASCADE,
  address text COLLATE "C" NOT NULL,
  field text,
  state text NOT NULL CHECK (state IN ('pending', 'accepted', 'refused')),
  code integer,
  enhanced text,
  reply text,
  PRIMARY KEY (run, address)
);

-- The accounts: their pause, and how many runs were taken today. A claim locks the row, so that the limits hold over
-- all workers.
CREATE TABLE account (
  name text COLLATE "C" PRIMARY KEY,
  paused_until timestamptz,                       -- not NULL: one run tries the account at that time
  pause_code text,
  pause_reason text,
  pauses integer NOT NULL DEFAULT 0,              -- in a row: each is longer
  first_day bigint,                               -- of the first run: a warm-up counts from it
  day bigint NOT NULL DEFAULT 0,                  -- days since 1970, UTC
  day_taken bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
-- The runs that were taken in the last minute, for accounts with a limit.
CREATE TABLE minute (
  account text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  taken bigint NOT NULL,
  PRIMARY KEY (account, at)
);

-- The workers that are alive. One row for each worker, not for each run: a heartbeat changes one small row, and the runs
-- of a worker are its own for as long as the worker is.
CREATE TABLE worker (
  id text PRIMARY KEY,
  lease interval NOT NULL,
  lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What platforms react to, in order. Transactions commit in another order than they take ids, so a reader of ids could
-- miss events. Readers number the events that are committed, one reader at a time, and read in the order of the numbers.
CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  position bigint UNIQUE,
  kind text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  account text NOT NULL,
  run_id text,
  result json
);
CREATE INDEX event_new ON event (id) WHERE position IS NULL;
CREATE INDEX event_at ON event (at);
CREATE SEQUENCE event_position OWNED BY event.position;

-- What each webhook has got, and the worker that serves it.
CREATE TABLE webhook (
  key text PRIMARY KEY,                           -- SHA-256 of the URL, which may contain a token
  place text NOT NULL,                            -- scheme, host and port of the URL
  prefix text NOT NULL,                           -- of the ids of its posts
  last_event bigint NOT NULL,                     -- the position of the last event that it accepted
  failures integer NOT NULL DEFAULT 0,            -- since then
  reason text,                                    -- of the last failure
  next_try timestamptz,                           -- after a failure
  is_gone boolean NOT NULL DEFAULT false,         -- it answered 410
  lease_owner text,
  lease_until timestamptz,
  used_at timestamptz NOT NULL                    -- a webhook that no worker serves is deleted after a time
) WITH (fillfactor = 50);

-- Queues a mail in the caller's transaction: it is sent if that commits, and only then. Returns the run's id. The same
-- key and account give the first mail's id; with another input they raise SC001.
CREATE FUNCTION enqueue(account text, input text, key text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = smtp_connector, pg_temp AS $$
#variable_conflict use_column
DECLARE
  moment timestamptz := clock_timestamp();
  new_id text := gen_random_uuid()::text;
  new_run bigint;
  hash bytea;
  first_id text;
  first_hash bytea;
BEGIN
  IF enqueue.account IS NULL OR enqueue.account = '' OR enqueue.input IS NULL THEN
    RAISE EXCEPTION 'the mail has no account or no input'
      USING ERRCODE = 'SC002', HINT = 'call smtp_connector.enqueue(account, input, key)';
  END IF;
  IF octet_length(enqueue.key) NOT BETWEEN 1 AND 512 THEN
    RAISE EXCEPTION 'the idempotency key is not 1 to 512 bytes of text' USING ERRCODE = 'SC002';
  END IF;
  IF enqueue.key IS NOT NULL THEN
    hash := sha256(convert_to(enqueue.account, 'UTF8') || decode('00', 'hex')
      || convert_to('send-mail', 'UTF8') || decode('00', 'hex')
      || convert_to(enqueue.input, 'UTF8') || decode('00', 'hex'));
  END IF;
  LOOP
    INSERT INTO run (run_id, account, action, idem_key, idem_hash, state, started_at, next_try, expires_at, created_at,
                     updated_at)
      VALUES (new_id, enqueue.account, 'send-mail', enqueue.key, hash, 'ready',
              floor(extract(epoch FROM moment))::bigint, moment, moment + interval '4 days', moment, moment)
      ON CONFLICT DO NOTHING
      RETURNING id INTO new_run;
    IF FOUND THEN
      INSERT INTO run_input (run, input) VALUES (new_run, enqueue.input);
      PERFORM pg_notify('smtp_connector', '');
      RETURN new_id;
    END IF;
    SELECT run_id, idem_hash INTO first_id, first_hash FROM run
      WHERE run.account = enqueue.account AND run.idem_key = enqueue.key;
    -- If it is gone, it was deleted after the conflict, and the key is free.
    IF FOUND THEN
      IF first_hash IS DISTINCT FROM hash THEN
        RAISE EXCEPTION 'the idempotency key "%" was used before, for another mail: run %', enqueue.key, first_id
          USING ERRCODE = 'SC001', HINT = 'use a new key for a new mail, or the same text as input';
      END IF;
      RETURN first_id;
    END IF;
  END LOOP;
END
$$;
-- jsonb has its own spelling of a value, so a key belongs to a mail that was queued in the same way.
CREATE FUNCTION enqueue(account text, input jsonb, key text DEFAULT NULL) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = smtp_connector, pg_temp
AS 'SELECT smtp_connector.enqueue(account, input::text, key)';
REVOKE ALL ON FUNCTION enqueue(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION enqueue(text, jsonb, text) FROM PUBLIC;
