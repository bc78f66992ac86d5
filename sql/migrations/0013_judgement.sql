-- A verdict that can be explained in a year, does not flap, and follows the caller's language.

-- steady: the standing risk and since when lower results wait, as the application's state machine has it.
-- claimed_identity_answer: what the person whom the caller claims to be said of it.
-- language is the one in which the call is heard now; language_switched_from the one before it.
ALTER TABLE active_calls
    ADD COLUMN steady jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN claimed_identity_answer text CHECK (claimed_identity_answer IN ('yes', 'proven', 'no')),
    ADD COLUMN language_switched_from text,
    ADD COLUMN language_switches integer NOT NULL DEFAULT 0,
    ADD COLUMN language_switched_at timestamptz;

-- measured_score: what the signals made, where fraud_score is what stands. answer: the person's answer that stands over it.
-- turn_times: for each line of full_transcript, the seconds into the call at which it was told.
-- versions: by name, of callguard, the scorer, the language model and its prompt, the catalogue and the policy.
ALTER TABLE fraud_analyses
    ADD COLUMN measured_score double precision CHECK (measured_score BETWEEN 0 AND 100),
    ADD COLUMN answer text CHECK (answer IN ('safe', 'yes', 'proven', 'no')),
    ADD COLUMN turn_times double precision[] NOT NULL DEFAULT '{}',
    ADD COLUMN language text,
    ADD COLUMN language_switched_from text,
    ADD COLUMN versions jsonb NOT NULL DEFAULT '{}';
