//! All tests of the crate that can share a process; the others are in `alone.rs`. They need no Python and no daemon.

// What the tests share.
mod fake;
mod generate;
mod simulator;
mod support;

mod belongings;
mod copied_disks;
mod domain_xml;
mod domain_xml_diff;
mod domain_xml_files;
mod domain_xml_host;
mod domain_xml_interfaces;
mod domain_xml_listeners;
mod domain_xml_listening;
mod domain_xml_numa;
mod domain_xml_pair;
mod domain_xml_properties;
mod domain_xml_steps;
mod guest;
mod libvirt_beforehand;
mod libvirt_layer;
mod libvirt_panics;
mod libvirt_resources;
mod migration;
mod migration_end;
mod migration_seams;
mod migration_watch;
mod params;
mod params_as_given;
mod parsers_properties;
mod policy_adaptive;
mod policy_intent;
mod policy_plots;
mod policy_progress;
mod policy_properties;
mod policy_samples;
mod policy_schedule;
mod recovery;
mod secrets;
