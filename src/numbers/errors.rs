//! `VIR_ERR_*` of `virErrorNumber`, and what else an error has a number for.

/// A fault of libvirt's, or something that has no number of its own.
pub const INTERNAL_ERROR: i32 = 1;
/// This connection, or this hypervisor, has no such call.
pub const NO_SUPPORT: i32 = 3;
/// An argument, or a combination of them, that the call does not take.
pub const INVALID_ARG: i32 = 8;
/// The operation was started and failed.
pub const OPERATION_FAILED: i32 = 9;
/// The host's own system refused something, such as room on a disk or a connection.
pub const SYSTEM_ERROR: i32 = 38;
/// The connection to the daemon failed.
pub const RPC: i32 = 39;
/// The host does not know the domain.
pub const NO_DOMAIN: i32 = 42;
/// Whoever asks is not let in.
pub const AUTH_FAILED: i32 = 45;
/// The host has no such storage pool.
pub const NO_STORAGE_POOL: i32 = 49;
/// The pool has no such volume.
pub const NO_STORAGE_VOL: i32 = 50;
/// The domain's state does not allow it.
pub const OPERATION_INVALID: i32 = 55;
/// A setting of a definition is not supported.
pub const CONFIG_UNSUPPORTED: i32 = 67;
/// A lock is held, or an answer did not come in time: nothing is known of what was asked.
pub const OPERATION_TIMEOUT: i32 = 68;
/// An argument that is not supported.
pub const ARGUMENT_UNSUPPORTED: i32 = 74;
/// Ended on request.
pub const OPERATION_ABORTED: i32 = 78;
/// The migration may harm the guest's data.
pub const MIGRATE_UNSAFE: i32 = 81;
/// The hypervisor cannot do that here, or with this guest.
pub const OPERATION_UNSUPPORTED: i32 = 84;
/// Whoever asks lacks the permission.
pub const ACCESS_DENIED: i32 = 88;

/// `VIR_FROM_RPC` of `virErrorDomain`: it comes from the connection.
pub const FROM_RPC: i32 = 7;
/// `VIR_FROM_QEMU` of `virErrorDomain`: it comes from the driver for QEMU.
pub const FROM_QEMU: i32 = 10;

/// `VIR_ERR_ERROR` of `virErrorLevel`: not a warning.
pub const LEVEL_ERROR: i32 = 2;
