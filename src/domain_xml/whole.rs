//! The definition of disks that are copied whole.

use super::XmlError;
use super::edit::Editor;
use super::identity::domain;
use super::index::Index;

/// The definition without the chains of backing files of the disks with these targets.
///
/// A definition names the chain of a disk after an external snapshot, for instance. A whole copy is one image, and the
/// chain's other files are not at the destination, where libvirt would look for them.
pub fn whole_disks<T: AsRef<str>>(text: &str, targets: &[T]) -> Result<String, XmlError> {
    let index = Index::parse(text)?;
    let mut editor = Editor::new(text);
    let devices = domain(text, &index)?.all("devices");
    for disk in devices.flat_map(|devices| devices.all("disk")) {
        let named = |target: &T| disk.child("target").is_some_and(|own| own.is("dev", target.as_ref()));
        if targets.iter().any(named)
            && let Some(chain) = disk.only("backingStore")?.filter(|chain| chain.children().next().is_some())
        {
            editor.remove(chain);
        }
    }
    editor.finish()
}

#[cfg(test)]
mod tests {
    use super::whole_disks;

    #[test]
    fn chains_go_and_ends_of_chains_stay() {
        let text = "<domain><devices>
  <disk>
    <source file='/a'/>
    <backingStore type='file'>
      <source file='/b'/>
      <backingStore/>
    </backingStore>
    <target dev='vda'/>
  </disk>
  <disk><backingStore/><target dev='vdb'/></disk>
  <disk><backingStore><source file='/c'/></backingStore><target dev='vdc'/></disk>
  <disk><backingStore><source file='/d'/></backingStore></disk>
</devices></domain>";
        let whole = whole_disks(text, &["vda", "vdb"]).unwrap();
        let (from, to) = (text.find("\n    <backingStore").unwrap(), text.find("\n    <target").unwrap());
        assert_eq!(whole, text[..from].to_owned() + &text[to..]);
        assert_eq!(whole_disks(text, &["vdz"]).unwrap(), text);
        assert_eq!(whole_disks::<&str>(text, &[]).unwrap(), text);
        assert!(whole_disks("<pool/>", &["vda"]).is_err());
    }
}
