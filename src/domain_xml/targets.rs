//! The names of a guest's disks.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::XmlError;

/// The `dev` of each disk's `<target>`, in the document's order.
pub fn disk_targets(text: &str) -> Result<Vec<String>, XmlError> {
    let mut reader = Reader::from_str(text);
    let (mut path, mut targets) = (Vec::new(), Vec::new());
    loop {
        let event = reader
            .read_event()
            .map_err(|error| XmlError::at(text, reader.error_position() as usize, error.to_string()))?;
        let tag = match &event {
            Event::Start(tag) | Event::Empty(tag) => tag,
            Event::End(_) => {
                path.pop();
                continue;
            }
            Event::Eof => return Ok(targets),
            _ => continue,
        };
        if path == ["domain", "devices", "disk"] && tag.name().as_ref() == "target" {
            let device = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == "dev");
            targets.extend(device.map(|attribute| attribute.value.into_owned()));
        }
        if let Event::Start(tag) = &event {
            path.push(tag.name().as_ref().to_owned());
        }
    }
}
