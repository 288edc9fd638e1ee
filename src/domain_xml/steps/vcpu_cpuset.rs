//! The host's CPUs that the guest's vCPUs may run on.

use crate::domain_xml::edit::Editor;
use crate::domain_xml::element::Element;
use crate::domain_xml::{CpuSet, Setting, XmlError};

pub(super) fn apply<'a>(
    domain: Element<'a>,
    wanted: &'a Setting<CpuSet>,
    editor: &mut Editor<'a>,
) -> Result<(), XmlError> {
    match (wanted, domain.only("vcpu")?) {
        (Setting::Set(cpuset), Some(vcpu)) => {
            // With placement auto libvirt asks its advisor, and not this set.
            if vcpu.is("placement", "auto") {
                editor.set_attr(vcpu, "placement", "static");
            }
            editor.set_attr(vcpu, "cpuset", cpuset.as_str());
        }
        // libvirt takes a definition without one as a guest with one vCPU.
        (Setting::Set(cpuset), None) => {
            editor.append(domain, format!("<vcpu cpuset='{cpuset}'>1</vcpu>"));
        }
        (Setting::Remove, Some(vcpu)) => editor.remove_attr(vcpu, "cpuset"),
        (Setting::Remove, None) => {}
    }
    Ok(())
}
