//! libvirt's typed parameters, owned: filled and freed by libvirt's own functions.

use std::ffi::{CStr, CString, c_int};
use std::ptr;

use virt::sys;

use super::error::{check, copy};
use crate::error::LibvirtError;
use crate::job::StatValue;
use crate::params::{Kind, MigrateParams, Param, Value};
use crate::{Error, Result};

/// `VIR_MIGRATE_PARAM_URI`.
const MIGRATE_URI: &str = "migrate_uri";

/// A list of typed parameters which libvirt allocated, or will.
///
/// Invariant: `params` is NULL or an array of libvirt's of which `count` are set.
pub(super) struct TypedParams {
    params: sys::virTypedParameterPtr,
    count: c_int,
    capacity: c_int,
}

impl TypedParams {
    pub(super) fn new() -> Self {
        Self { params: ptr::null_mut(), count: 0, capacity: 0 }
    }

    /// Has libvirt fill the list: `fill` gets the places of the array and of its length.
    pub(super) fn filled_by<T>(
        fill: impl FnOnce(*mut sys::virTypedParameterPtr, *mut c_int) -> std::result::Result<T, LibvirtError>,
    ) -> std::result::Result<(Self, T), LibvirtError> {
        let mut list = Self::new();
        let result = fill(&mut list.params, &mut list.count);
        list.capacity = list.count;
        result.map(|value| (list, value))
    }

    /// The parameters of a migration, as libvirt takes them.
    pub(super) fn from_migration(params: &MigrateParams) -> Result<Self> {
        Self::from_those(params, |_| true)
    }

    /// The same with another address for the data.
    pub(super) fn from_migration_to(params: &MigrateParams, uri: &str) -> Result<Self> {
        let mut list = Self::from_those(params, |param| param.name() != MIGRATE_URI)?;
        list.add_string(MIGRATE_URI, uri)?;
        Ok(list)
    }

    fn from_those(params: &MigrateParams, wanted: impl Fn(Param) -> bool) -> Result<Self> {
        let mut list = Self::new();
        for (name, xml) in params.definitions() {
            list.add_string(name, xml)?;
        }
        for (param, value) in params.values().filter(|(param, _)| wanted(*param)) {
            list.add(param, value)?;
        }
        Ok(list)
    }

    fn add(&mut self, param: Param, value: &Value) -> Result<()> {
        let name = param.name();
        match (value, param.kind()) {
            (Value::String(text), _) => self.add_string(name, text),
            (Value::Strings(items), _) => items.iter().try_for_each(|item| self.add_string(name, item)),
            (Value::Number(number), Kind::Int(..)) => {
                let number = in_range(name, *number)?;
                // SAFETY: the three places are those of one list, and the name is a C string.
                self.adding(name, |params, count, capacity, name| unsafe {
                    sys::virTypedParamsAddInt(params, count, capacity, name.as_ptr(), number)
                })
            }
            (Value::Number(number), _) => {
                let number = in_range(name, *number)?;
                // SAFETY: as above.
                self.adding(name, |params, count, capacity, name| unsafe {
                    sys::virTypedParamsAddULLong(params, count, capacity, name.as_ptr(), number)
                })
            }
        }
    }

    fn add_string(&mut self, name: &str, text: &str) -> Result<()> {
        let text = c_string(name, text)?;
        // SAFETY: the three places are those of one list, name and text are C strings; libvirt copies both.
        self.adding(name, |params, count, capacity, name| unsafe {
            sys::virTypedParamsAddString(params, count, capacity, name.as_ptr(), text.as_ptr())
        })
    }

    fn adding(
        &mut self,
        name: &str,
        add: impl FnOnce(*mut sys::virTypedParameterPtr, *mut c_int, *mut c_int, &CStr) -> c_int,
    ) -> Result<()> {
        let name = c_string(name, name)?;
        check(add(&mut self.params, &mut self.count, &mut self.capacity, &name))?;
        Ok(())
    }

    /// The array for a call that reads it.
    pub(super) fn as_ptr(&self) -> sys::virTypedParameterPtr {
        self.params
    }

    /// How many are set.
    pub(super) fn len(&self) -> c_int {
        self.count
    }

    /// Name and value of each; a type that libvirt 12.8.0 does not have is passed over.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, StatValue)> {
        // SAFETY: the invariant of the type.
        unsafe { read(self.params, self.count) }
    }
}

/// Name and value of each parameter of a list of libvirt's.
///
/// # Safety
/// `params` is NULL or an array of libvirt's with `count` parameters, and stays so while the result is used.
pub(super) unsafe fn read<'a>(
    params: sys::virTypedParameterPtr,
    count: c_int,
) -> impl Iterator<Item = (String, StatValue)> + 'a {
    let slice: &'a [sys::_virTypedParameter] = if params.is_null() {
        &[]
    } else {
        // SAFETY: promised by the caller.
        unsafe { std::slice::from_raw_parts(params, usize::try_from(count).unwrap_or(0)) }
    };
    slice.iter().filter_map(|param| {
        // SAFETY: libvirt terminates the name within the field's 80 bytes.
        let name = unsafe { copy(param.field.as_ptr()) }?;
        Some((name, value_of(param)?))
    })
}

impl Drop for TypedParams {
    fn drop(&mut self) {
        // SAFETY: the invariant of the type; libvirt's function frees what libvirt allocated, strings included,
        // and takes NULL.
        unsafe { sys::virTypedParamsFree(self.params, self.count) }
    }
}

fn value_of(param: &sys::_virTypedParameter) -> Option<StatValue> {
    // SAFETY: the type says which member of the union libvirt set; a string is NUL-terminated or NULL.
    unsafe {
        Some(match param.type_ as sys::virTypedParameterType {
            sys::VIR_TYPED_PARAM_INT => StatValue::Int(param.value.i.into()),
            sys::VIR_TYPED_PARAM_UINT => StatValue::UInt(param.value.ui.into()),
            sys::VIR_TYPED_PARAM_LLONG => StatValue::Int(param.value.l),
            sys::VIR_TYPED_PARAM_ULLONG => StatValue::UInt(param.value.ul),
            sys::VIR_TYPED_PARAM_DOUBLE => StatValue::Double(param.value.d),
            sys::VIR_TYPED_PARAM_BOOLEAN => StatValue::Bool(param.value.b != 0),
            sys::VIR_TYPED_PARAM_STRING => StatValue::String(copy(param.value.s)?),
            _ => return None,
        })
    }
}

/// `text` for libvirt; a NUL in it is the fault of the parameter `name`.
pub(super) fn c_string(name: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::parameter(name, "has a NUL character"))
}

fn in_range<T: TryFrom<i128>>(name: &str, number: i128) -> Result<T> {
    T::try_from(number).map_err(|_| Error::parameter(name, format!("{number} is out of range")))
}
