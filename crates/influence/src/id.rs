//! Places in a shard's tables: a number of one table cannot be taken for one of another.

use bytemuck::{Pod, Zeroable};

macro_rules! ids {
    ($($(#[$doc:meta])* $scope:vis $id:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
        #[repr(transparent)]
        $scope struct $id(pub(crate) u32);

        impl From<$id> for u32 {
            #[inline]
            fn from(id: $id) -> u32 {
                id.0
            }
        }

        impl From<$id> for u64 {
            #[inline]
            fn from(id: $id) -> u64 {
                id.0.into()
            }
        }

        impl From<usize> for $id {
            #[inline]
            fn from(place: usize) -> $id {
                $id(place as u32)
            }
        }

        impl From<$id> for usize {
            #[inline]
            fn from(id: $id) -> usize {
                id.0 as usize
            }
        }
    )*};
}

ids! {
    /// A person of this shard, by order of first appearance.
    pub PersonId;
    /// A person of another shard, by order of first appearance.
    pub(crate) RemoteId;
    /// What a person of this shard received.
    pub(crate) StandingId;
}
