//! JSON objects as maps that refuse a key given twice, in whatever spelling, and a value used twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A one-to-one map, where it is given.
pub fn map<'de, D, T>(deserializer: D) -> Result<Option<BTreeMap<T, T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord + Copy + fmt::Display,
{
    let Some(Unique(map)) = Option::<Unique<T, T>>::deserialize(deserializer)? else { return Ok(None) };
    let mut seen = BTreeSet::new();
    match map.values().find(|value| !seen.insert(**value)) {
        Some(value) => Err(Error::custom(format!("gives {value} to two devices"))),
        None => Ok(Some(map)),
    }
}

/// A map whose keys are numbers.
pub fn keys<'de, D, T>(deserializer: D) -> Result<BTreeMap<u32, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Unique::deserialize(deserializer).map(|Unique(map)| map)
}

struct Unique<K, V>(BTreeMap<K, V>);

impl<'de, K, V> Deserialize<'de> for Unique<K, V>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);
        impl<'de, K, V> Visitor<'de> for Entries<K, V>
        where
            K: Deserialize<'de> + Ord + fmt::Display,
            V: Deserialize<'de>,
        {
            type Value = Unique<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut map = BTreeMap::new();
                while let Some(key) = entries.next_key::<K>()? {
                    if map.contains_key(&key) {
                        return Err(Error::custom(format!("has {key} twice")));
                    }
                    map.insert(key, entries.next_value()?);
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}
