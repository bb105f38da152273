//! The way of messages to their reader.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crate::trouble::{ConnectError, Ended};
use crate::{Arrival, MESSAGE_BYTES_MAX};

/// Hands over what comes, and knows how far it is.
pub(crate) struct Feed {
    sender: SyncSender<Arrival>,
    /// The newest position that was handed over.
    pub(crate) position: Option<String>,
    /// Whether a connection ever stood.
    pub(crate) was_connected: bool,
    has_flowed: bool,
}

impl Feed {
    pub(crate) fn new(sender: SyncSender<Arrival>, position: Option<String>) -> Feed {
        Feed { sender, position, was_connected: false, has_flowed: false }
    }

    /// Waits while too many messages wait. An error says that nobody reads any more.
    fn hand_over(&self, arrival: Arrival) -> Result<(), Ended> {
        self.sender.send(arrival).map_err(|_| Ended::Unwanted)
    }

    pub(crate) fn connected(&mut self, address: String) -> Result<(), Ended> {
        self.was_connected = true;
        self.hand_over(Arrival::Connected(address))
    }

    /// Hands over a message; without a position of its own it has that of the message before it.
    pub(crate) fn message(&mut self, bytes: Vec<u8>, position: Option<String>) -> Result<(), Ended> {
        debug_assert!(bytes.len() <= MESSAGE_BYTES_MAX, "{} bytes", bytes.len());
        self.has_flowed = true;
        if position.is_some() {
            self.position.clone_from(&position);
        }
        self.hand_over(Arrival::Message { bytes, position })
    }

    pub(crate) fn disconnected(&self, reason: String, again_in: Duration) -> Result<(), Ended> {
        self.hand_over(Arrival::Disconnected { reason, again_in })
    }

    pub(crate) fn failed(&self, error: ConnectError) {
        // Whoever does not read any more does not want to know.
        let _ = self.hand_over(Arrival::Failed(error));
    }

    /// Whether anything has come since this was asked before.
    pub(crate) fn has_flowed(&mut self) -> bool {
        std::mem::take(&mut self.has_flowed)
    }
}
