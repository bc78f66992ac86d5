-- Calls that were, tried again through another set-up.

-- replay_calls: the person's consent to that. What callguard stored of their calls is there to protect them in those calls; to
-- use it for trying things out is another purpose, so it needs their own yes.
ALTER TABLE users ADD COLUMN replay_calls boolean NOT NULL DEFAULT false;
