//! What is known of something in the world.

use crate::Result;
use crate::error::LibvirtError;

/// What is known of something: it is so, there is no such thing, or nobody could say.
///
/// An error is no answer. Only the two by which libvirt says that there is nothing to ask about (`NO_DOMAIN`, and
/// `OPERATION_INVALID` of a domain that does not run) mean [`Fact::Absent`]; a lock that is held, a connection that
/// broke, a call that timed out are [`Fact::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact<T> {
    /// It is so.
    Known(T),
    /// There is no such thing.
    Absent,
    /// It could not be found out.
    Unknown,
}

impl<T> Fact<T> {
    /// The fact in an answer of libvirt's.
    pub fn from_answer(answer: Result<T>) -> Self {
        match answer {
            Ok(known) => Self::Known(known),
            Err(error) => match error.libvirt_code() {
                Some(LibvirtError::NO_DOMAIN | LibvirtError::OPERATION_INVALID) => Self::Absent,
                _ => Self::Unknown,
            },
        }
    }

    /// What is known, where something is.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Absent | Self::Unknown => None,
        }
    }

    /// The same, borrowed.
    pub const fn as_ref(&self) -> Fact<&T> {
        match self {
            Self::Known(known) => Fact::Known(known),
            Self::Absent => Fact::Absent,
            Self::Unknown => Fact::Unknown,
        }
    }

    /// The same of what is known.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(known) => Fact::Known(change(known)),
            Self::Absent => Fact::Absent,
            Self::Unknown => Fact::Unknown,
        }
    }

    /// What is known counts as absent unless it is as wanted.
    pub fn filter(self, wanted: impl FnOnce(&T) -> bool) -> Self {
        match self {
            Self::Known(known) if wanted(&known) => Self::Known(known),
            Self::Known(_) => Self::Absent,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fact;
    use crate::error::LibvirtError;

    #[test]
    fn an_error_is_unknown_unless_it_says_that_nothing_is_there() {
        let fact = |code| Fact::<()>::from_answer(Err(LibvirtError::found_here(code, "x").into()));
        assert_eq!(fact(LibvirtError::NO_DOMAIN), Fact::Absent);
        assert_eq!(fact(LibvirtError::OPERATION_INVALID), Fact::Absent);
        for code in [1, 9, 38, 39, 68, 78, 88] {
            assert_eq!(fact(code), Fact::Unknown, "{code}");
        }
        assert_eq!(Fact::from_answer(Ok(7)), Fact::Known(7));
        let ours = crate::Error::parameter("x", "y");
        assert_eq!(Fact::<()>::from_answer(Err(ours)), Fact::Unknown);
    }
}
