//! What a migration needs of a domain, whoever implements it: libvirt, an object of another language, a fake.

use std::sync::Arc;

use crate::domain_xml::{Volume, VolumePlace};
use crate::job::JobInfo;
use crate::location::Answer;
use crate::params::MigrateParams;
use crate::state::DomainState;
use crate::transport::Hosts;
use crate::version::LibvirtVersion;
use crate::{Error, Result};

bitflags::bitflags! {
    /// `virDomainXMLFlags`, as far as a migration asks for them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct XmlFlags: u32 {
        /// With passwords.
        const SECURE = 1;
        /// The persistent definition, even of a guest that runs.
        const INACTIVE = 2;
        /// A definition that another host can take.
        const MIGRATABLE = 8;
    }
}

/// What is known of a guest before it moves. A domain object that cannot tell something leaves it out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestFacts {
    /// The domain's name.
    pub name: Option<String>,
    /// The domain's uuid.
    pub uuid: Option<String>,
    /// What it does.
    pub state: Option<DomainState>,
    /// The version of libvirt at the source.
    pub version: Option<LibvirtVersion>,
}

/// What libvirt keeps of a domain beside its definitions, and what stays at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// Snapshots.
    Snapshots,
    /// Checkpoints, which incremental backups begin at.
    Checkpoints,
    /// A managed save image, of which there is one at most.
    ManagedSave,
}

/// What is known of a running guest's memory. Sizes are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryStats {
    /// What the guest has, without what its balloon holds.
    pub current: Option<u64>,
    /// What its hypervisor's process has in memory, without huge pages: pages that the guest never wrote to are not.
    pub resident: Option<u64>,
    /// The measurement of its dirty rate that runs, or the last one.
    pub dirty_rate: Option<DirtyRate>,
}

/// A measurement that [`DomainOps::start_dirty_rate`] has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirtyRate {
    /// How long it takes, s.
    pub seconds: u64,
    /// What it found, MiB/s: each page counts once. `None` while it runs.
    pub mib_per_second: Option<u64>,
}

/// What libvirt tells of a domain without being asked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DomainEvent {
    /// A migration has begun with this pass over the memory (`VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION`).
    Iteration(u64),
    /// A job is over (`VIR_DOMAIN_EVENT_ID_JOB_COMPLETED`), with its last statistics.
    JobCompleted(Box<JobInfo>),
    /// The domain changed its state (`VIR_DOMAIN_EVENT_ID_LIFECYCLE`), under libvirt's numbers.
    Lifecycle {
        /// `virDomainEventType`.
        event: i32,
        /// Its detail; what it means depends on the event.
        detail: i32,
    },
}

/// Takes events on the thread that delivers them: quick, without blocking.
pub type EventSink = Arc<dyn Fn(DomainEvent) + Send + Sync>;

/// Delivers events until it is dropped, which may take a call to the daemon.
pub type Subscription = Box<dyn Send>;

/// A domain on its host. Each method is one call, and blocks as long as libvirt does.
pub trait DomainOps: Send + Sync {
    /// The domain's name.
    fn name(&self) -> Result<String>;
    /// The domain's uuid.
    fn uuid(&self) -> Result<String>;
    /// The number that a running domain has on its host.
    fn id(&self) -> Result<Option<u32>>;
    /// Whether the domain runs or is paused.
    fn is_active(&self) -> Result<bool>;
    /// What the domain does.
    fn state(&self) -> Result<DomainState>;
    /// The definition.
    fn xml(&self, flags: XmlFlags) -> Result<String>;
    /// Pauses the guest.
    fn suspend(&self) -> Result<()>;
    /// Has a paused guest go on.
    fn resume(&self) -> Result<()>;
    /// Aborts the job; with `post_copy` also one in post-copy, which stops the guest until it is resumed.
    fn abort_job(&self, post_copy: bool) -> Result<()>;

    /// Has QEMU finish an abort in which it hangs; an error where there is none.
    fn finish_abort(&self) -> Result<()> {
        Err(Error::unsupported("telling QEMU to finish an abort"))
    }
    /// Sets the longest pause that a migration may cause, in milliseconds.
    fn set_max_downtime(&self, milliseconds: u64) -> Result<()>;
    /// Switches a running migration to post-copy.
    fn start_post_copy(&self) -> Result<()>;
    /// Limits a migration's bandwidth before or, with `post_copy`, in post-copy; 0 is unlimited.
    fn set_bandwidth(&self, mib_per_second: u64, post_copy: bool) -> Result<()>;
    /// The statistics of the job that runs, or of the last one that is over.
    fn job_info(&self, completed: bool) -> Result<JobInfo>;
    /// Moves the guest, and returns when that is over.
    fn migrate(&self, destination: &str, params: &MigrateParams) -> Result<()>;
    /// The version of libvirt at the domain's host.
    fn version(&self) -> Result<LibvirtVersion>;

    /// Has the hypervisor find out how much memory the guest dirties in so many seconds. Returns at once.
    fn start_dirty_rate(&self, _seconds: u16) -> Result<()> {
        Err(Error::unsupported("startDirtyRateCalc"))
    }

    /// What is known of the running guest's memory.
    fn memory_stats(&self) -> Result<MemoryStats> {
        Err(Error::unsupported("domainListGetStats"))
    }

    /// What is known before a migration.
    fn facts(&self) -> Result<GuestFacts> {
        Ok(GuestFacts {
            name: Some(self.name()?),
            uuid: Some(self.uuid()?),
            state: Some(self.state()?),
            version: Some(self.version()?),
        })
    }

    /// What the destination says of the guest with this uuid; [`Answer::Unknown`] where it cannot be asked.
    fn ask_destination(&self, _uri: &str, _uuid: &str) -> Answer {
        Answer::Unknown
    }

    /// The version of libvirt at another host; `None` where it cannot be asked.
    fn destination_version(&self, _uri: &str) -> Option<LibvirtVersion> {
        None
    }

    /// What both hosts can do, its own and another; `None` where one of them cannot be asked.
    fn hosts(&self, _destination: &str) -> Option<Hosts> {
        None
    }

    /// The URI of its own daemon; `None` where nobody knows.
    fn home(&self) -> Option<String> {
        None
    }

    /// Has the daemon of another host write this definition and remove it again. Only its system's refusal is an
    /// error: one that cannot be asked, or may not be, tells nothing.
    fn check_destination_keeps(&self, _uri: &str, _xml: &str) -> Result<()> {
        Ok(())
    }

    /// What the storage pools of another host have at these places, one for one; `None` where that is not known.
    fn destination_volumes(&self, _uri: &str, places: Vec<VolumePlace>) -> Vec<Option<Volume>> {
        places.iter().map(|_| None).collect()
    }

    /// What the guest sees of its disk with this target, bytes. Of a guest that runs only.
    fn disk_size(&self, _target: &str) -> Result<u64> {
        Err(Error::unsupported("blockInfo"))
    }

    /// The same guest at the daemon of another host; `None` where that one does not know it.
    fn at(&self, _uri: &str, _uuid: &str) -> Result<Option<Arc<dyn DomainOps>>> {
        Err(Error::unsupported("asking another host"))
    }

    /// The same domain over a new connection, for when this one is lost. Fails with
    /// [`NO_DOMAIN`](crate::error::LibvirtError::NO_DOMAIN) where the host does not know it any more.
    fn reopen(&self) -> Result<Arc<dyn DomainOps>> {
        Err(Error::unsupported("another connection"))
    }

    /// Whether the connection still stands. A call that failed with it gone says nothing of the domain.
    fn is_connected(&self) -> bool {
        true
    }

    /// Whether the host keeps a definition of the domain when it is shut off.
    fn is_persistent(&self) -> Result<bool> {
        Err(Error::unsupported("isPersistent"))
    }

    /// Ends the guest at once, as by pulling the plug.
    fn destroy(&self) -> Result<()> {
        Err(Error::unsupported("destroy"))
    }

    /// Removes the persistent definition, and nothing else: no disk, no NVRAM.
    fn undefine(&self) -> Result<()> {
        Err(Error::unsupported("undefine"))
    }

    /// Whether the host starts the domain by itself.
    fn autostart(&self) -> Result<bool> {
        Err(Error::unsupported("autostart"))
    }

    /// Has the host start the domain by itself, or not.
    fn set_autostart(&self, _on: bool) -> Result<()> {
        Err(Error::unsupported("setAutostart"))
    }

    /// The definitions of the domain's checkpoints, each after the one that it builds on.
    fn checkpoints(&self) -> Result<Vec<String>> {
        Err(Error::unsupported("checkpoints"))
    }

    /// Defines a checkpoint that the disks have already.
    fn redefine_checkpoint(&self, _xml: &str) -> Result<()> {
        Err(Error::unsupported("checkpoints"))
    }

    /// Opens the connection that [`at`](Self::at) goes over, and keeps it until the value is dropped: whoever will ask
    /// another host when a migration is over does not wait for a connection then. `None` where it is not to be had.
    fn reach(&self, _uri: &str) -> Option<Subscription> {
        None
    }

    /// How many of these the host keeps of the domain.
    fn kept(&self, _what: Kept) -> Result<u32> {
        Err(Error::unsupported("asking what is kept of it"))
    }

    /// Whether a block job works on the disk with this target.
    fn has_block_job(&self, _disk: &str) -> Result<bool> {
        Err(Error::unsupported("blockJobInfo"))
    }

    /// Has libvirt begin a migration that cannot go on, and fails as a real one would. Nothing is moved or started.
    fn check_migration(&self, _destination: &str, _params: &MigrateParams) -> Result<()> {
        Err(Error::unsupported("asking for a migration"))
    }

    /// Has the domain's events delivered; `None` where none are to be had now, and the caller polls.
    fn subscribe(&self, _sink: EventSink) -> Option<Subscription> {
        None
    }

    /// The same domain through another connection, for short calls and events. `None` where this one will do,
    /// or another one is not to be had.
    fn control(&self) -> Option<Arc<dyn DomainOps>> {
        None
    }

    /// The same domain through a connection of its own, for a call that blocks: others on the same connection
    /// could have to wait for it. `None` where another connection is not to be had.
    fn apart(&self) -> Option<Arc<dyn DomainOps>> {
        None
    }
}
