//! A running digest of what a step does, so that the same slice done again can be seen to do the same.

/// 64 bits over words, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Default for Digest {
    fn default() -> Digest {
        Digest(0x243f_6a88_85a3_08d3)
    }
}

impl Digest {
    #[inline]
    pub(crate) fn fold(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Two words at the price of one: they are mixed before.
    #[inline]
    pub(crate) fn fold_both(&mut self, first: u64, second: u64) {
        self.fold(first ^ second.wrapping_mul(0xc2b2_ae3d_27d4_eb4f).rotate_left(32));
    }

    #[inline]
    pub(crate) fn fold_text(&mut self, text: &str) {
        self.fold(text.len() as u64);
        for word in text.as_bytes().chunks(8) {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            self.fold(u64::from_le_bytes(bytes));
        }
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }
}
