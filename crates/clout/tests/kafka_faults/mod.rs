//! What is wrong outside of the program: checkpoints that are gone, records that cannot be used, topics that are not what
//! they were, permissions that are missing. Each heals, or ends in an error that names the thing and the way out. What is
//! right, Kafka's own tools see.

mod connections;
mod doctor;
mod gone;
mod guarded;
mod health;
mod objects;
mod orphans;
mod permissions;
mod poison;
mod quiet;
mod restarts;
mod tools;
mod weed;
