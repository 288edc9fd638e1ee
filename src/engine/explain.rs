//! What libvirt's error alone does not say to whoever reads it.

use crate::Error;
use crate::error::LibvirtError;
use crate::location::{Answer, Answers, GuestLocation};
use crate::standing::{Standing, judge};

/// The source's QEMU says what is wrong with the destination's certificate and ends the connection. Where the
/// destination's has gone before libvirt asks it, libvirt tells of its end instead.
pub(super) fn explain_tls(error: &mut Error) {
    if let Error::Libvirt(error) = error
        && error.message.contains("TLS channel")
        && !error.message.contains("ertificate")
    {
        error.message += "; TLS ended at the source: its QEMU refuses the destination's certificate \
                          (its name, its dates or its authority), or lost the connection";
    }
}

/// A source that libvirt has go on after the switchover may not be the only one that goes on.
pub(super) fn explain_doubt(answers: Answers, doubt: bool, error: &mut Error) {
    let Error::Libvirt(error) = error else { return };
    let unknown = match (answers.source, answers.destination) {
        (Answer::State(state), Answer::Unknown) if doubt || state.goes_on_after_failure() => "destination",
        // By the destination's word alone: libvirt may have lost its answer and have the source go on.
        (Answer::Unknown, Answer::State(state)) if state.is_running() => "source",
        _ => return,
    };
    error.message += &format!(
        "; the {unknown} could not be asked, and may run the guest as well: look there before the guest is used"
    );
}

/// In post-copy libvirt does not tell a guest that was shut down at the destination from one that was lost there.
pub(super) fn explain_end(answers: Answers, error: &mut Error) {
    if let Error::Libvirt(error) = error
        && judge(answers.source, answers.destination) == Standing::EndedThere
    {
        error.message += "; the guest was shut down or destroyed at the destination before all of its memory was there, \
                          and what the source has is older than its disks";
    }
}

/// A guest that was sent paused, by the destination's word alone.
pub(super) const STANDS_THERE: &str = "the guest stands still at the destination, as it was sent, and the source cannot \
                                       be asked: it may run there; recover with exclusive once the source answers";

/// A guest that ran at both hosts, and at the destination no more.
pub(super) const LEFT_BEHIND: &str = "the guest ran at the destination as well and has ended there, and its twin stands still \
                                      at the source: resume it only if the other one wrote nothing to its disks";

/// How a migration that others have started ended, where nothing more is known.
pub(super) const NOT_MOVED: &str = "the migration ended without moving the guest";

/// A guest that ran at both hosts, and was paused at the source.
const PARTED: &str = "it went on at both hosts, since libvirt lost the destination's answer, and was paused at \
                                 the source: find out which one was used since, and recover with keep=\"destination\" or \
                                 keep=\"source\"";

/// A guest that ran at both hosts, and was paused at the source: the place alone does not say it.
pub(super) fn explain_parted(error: &mut Error) {
    if let Error::Libvirt(error) = error {
        let said = if error.message == NOT_MOVED { "the migration ended" } else { &error.message };
        error.message = format!("{said}; {PARTED}");
    }
}

/// Why it cannot be told where the guest is, and what is safe.
pub(super) fn explain(why: &str, error: &mut Error) {
    if let Error::Libvirt(error) = error {
        error.message += &format!("; {why}");
    }
}

/// libvirt's call says that the guest has moved, but it does not run any more.
pub(super) fn ended_since(location: GuestLocation) -> Error {
    let since = if location.is_shut_off() {
        "has ended at the destination since"
    } else {
        "was seen to have ended at the destination; both hosts were asked again, and do not prove where it is"
    };
    LibvirtError::found_here(
        LibvirtError::OPERATION_FAILED,
        format!("libvirt says that the guest has moved, but it {since}"),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::explain_tls;
    use crate::error::{Error, LibvirtError};

    #[test]
    fn what_tls_does_not_tell_by_itself_is_explained() {
        let explained = |message: &str| {
            let mut error = Error::Libvirt(LibvirtError::found_here(1, message));
            explain_tls(&mut error);
            error.to_string()
        };
        assert!(
            explained("closed: Cannot read from TLS channel: x").contains("the destination's certificate")
        );
        for clear in
            ["The certificate hasn't got a known issuer", "Cannot read from TLS channel: Certificate"]
        {
            assert_eq!(explained(clear), clear);
        }
    }
}
