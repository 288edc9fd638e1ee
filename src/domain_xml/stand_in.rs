//! A definition that stands in for another one, to see whether a host can keep it.

use quick_xml::escape::escape;

use super::XmlError;
use super::identity::domain;
use super::index::Index;

/// The smallest definition of the same kind as `text`, under another name: it has the hypervisor and the machine, no
/// device and no uuid.
pub fn stand_in(text: &str, name: &str) -> Result<String, XmlError> {
    let index = Index::parse(text)?;
    let domain = domain(text, &index)?;
    let kind = domain.attr("type").map_or("qemu".into(), |kind| kind.value());
    let machine = domain.child("os").and_then(|os| os.child("type"));
    let machine = machine.map_or("<type>hvm</type>", |machine| machine.source());
    let (kind, name) = (escape(kind), escape(name));
    Ok(format!(
        "<domain type='{kind}'><name>{name}</name><memory unit='KiB'>1024</memory><os>{machine}</os></domain>"
    ))
}

#[cfg(test)]
mod tests {
    use super::stand_in;

    #[test]
    fn it_has_the_kind_and_nothing_else() {
        let text = "<domain type='kvm' id='3'><name>vm</name><uuid>u</uuid><memory>9</memory><os>\
                    <type arch='x86_64' machine='q35'>hvm</type><nvram>/n</nvram></os><devices><disk/></devices></domain>";
        assert_eq!(
            stand_in(text, "a&b").unwrap(),
            "<domain type='kvm'><name>a&amp;b</name><memory unit='KiB'>1024</memory><os>\
             <type arch='x86_64' machine='q35'>hvm</type></os></domain>"
        );
        assert!(stand_in("<domain/>", "vm").unwrap().contains("<domain type='qemu'><name>vm</name>"));
        assert!(stand_in("<network/>", "vm").is_err());
    }
}
