//! What an intent adds to the parameters of a migration.

use super::Convergence;
use super::intent::NEVER_IN_POST_COPY;
use crate::flags::MigrateFlags as F;
use crate::params::MigrateParams;
use crate::{Error, Result};

impl Convergence {
    /// The parameters with the flags that this intent needs.
    ///
    /// - Post-copy adds `POSTCOPY`, and is refused where a flag forbids it.
    /// - Exclusive adds `PAUSED`, and is refused with post-copy.
    /// - Throttling adds `AUTO_CONVERGE` where disks are copied. Elsewhere it adds nothing: QEMU would
    ///   throttle a guest before anyone knows that it must, so the policy asks for
    ///   [`Action::Restart`](super::Action::Restart) once it knows. With disks a second start would copy them
    ///   again.
    ///
    /// Flags that the caller gave stay.
    pub fn apply(&self, params: &MigrateParams) -> Result<MigrateParams> {
        let flags = params.flags();
        if flags.contains(F::OFFLINE) {
            // A definition has neither memory nor a pause.
            return Ok(params.clone());
        }
        let mut wanted = flags;
        if self.post_copy() {
            self.check_post_copy(flags)?;
            wanted |= F::POSTCOPY;
        }
        if self.exclusive() {
            if flags.contains(F::POSTCOPY) {
                return Err(Error::parameter("exclusive", NEVER_IN_POST_COPY));
            }
            wanted |= F::PAUSED;
        }
        if self.throttle() && flags.intersects(F::NON_SHARED) {
            wanted |= F::AUTO_CONVERGE;
        }
        if wanted == flags { Ok(params.clone()) } else { params.with(None, Some(wanted)) }
    }

    fn check_post_copy(&self, flags: F) -> Result<()> {
        let forbids = flags & (F::PAUSED | F::TUNNELLED);
        if !forbids.is_empty() {
            return Err(Error::parameter("post_copy", format!("libvirt refuses post-copy with {forbids}")));
        }
        if !flags.contains(F::LIVE) {
            return Err(Error::parameter("post_copy", "libvirt refuses post-copy without LIVE"));
        }
        Ok(())
    }
}
