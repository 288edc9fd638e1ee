//! A policy that decides what the test tells it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libvirt_migrate::policy::{Action, Decision, Policy, Sample};

/// What the policy decides next, and what it was told and shown.
#[derive(Clone, Default)]
pub struct Script {
    next: Arc<Mutex<Vec<Action>>>,
    heard: Arc<Mutex<Vec<(Action, bool)>>>,
    samples: Arc<Mutex<Vec<Sample>>>,
    begun: Arc<Mutex<u32>>,
    about_to: Arc<Mutex<bool>>,
}

impl Script {
    pub fn policy(&self) -> Box<dyn Policy> {
        Box::new(self.clone())
    }

    /// At the next sample this is decided.
    pub fn decide(&self, action: Action) {
        self.next.lock().unwrap().push(action);
    }

    /// What became of the decisions: each with whether it was carried out.
    pub fn heard(&self) -> Vec<(Action, bool)> {
        self.heard.lock().unwrap().clone()
    }

    /// From here on it waits for one more sample, or does not.
    pub fn is_about_to(&self, decide: bool) {
        *self.about_to.lock().unwrap() = decide;
    }

    pub fn last_sample(&self) -> Sample {
        *self.samples.lock().unwrap().last().expect("a sample")
    }

    pub fn samples(&self) -> usize {
        self.samples.lock().unwrap().len()
    }

    pub fn begun(&self) -> u32 {
        *self.begun.lock().unwrap()
    }
}

impl Policy for Script {
    fn begin(&mut self, _at: Duration) -> Vec<Decision> {
        *self.begun.lock().unwrap() += 1;
        vec![]
    }

    fn observe(&mut self, sample: &Sample) -> Vec<Decision> {
        self.samples.lock().unwrap().push(*sample);
        let actions = std::mem::take(&mut *self.next.lock().unwrap());
        let at = sample.elapsed;
        actions.into_iter().map(|action| Decision::new(at, action, "the test")).collect()
    }

    fn is_about_to_decide(&self) -> bool {
        *self.about_to.lock().unwrap()
    }

    fn succeeded(&mut self, action: &Action) {
        self.heard.lock().unwrap().push((*action, true));
    }

    fn failed(&mut self, action: &Action, _at: Duration) {
        self.heard.lock().unwrap().push((*action, false));
    }
}
