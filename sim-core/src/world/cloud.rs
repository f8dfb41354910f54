//! What was captured of clouds, read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Halt, World};
use crate::cloud::Cloud;
use crate::evidence::cloud::CloudPath;
use crate::snapshot::{ByteRange, Step};

/// The cloud, and the files that it was read from.
#[derive(Debug)]
pub(super) struct Read {
    cloud: Arc<Cloud>,
    files: Arc<[String]>,
}

impl World<'_> {
    /// What was captured of clouds; `None` where nothing was.
    ///
    /// # Errors
    /// When it cannot be read now.
    pub fn cloud(&mut self) -> Result<Option<Arc<Cloud>>, Halt> {
        if self.parses.cloud.is_none() {
            self.parses.cloud = Some(self.read_cloud()?);
        }
        let Some(Some(Read { cloud, files })) = &self.parses.cloud else {
            return Ok(None);
        };
        let (cloud, files) = (Arc::clone(cloud), Arc::clone(files));
        // The receipt counts them.
        if files
            .first()
            .is_some_and(|first| !self.seen_files.contains(first))
        {
            self.seen_files.extend(files.iter().cloned());
        }
        Ok(Some(cloud))
    }

    fn read_cloud(&mut self) -> Result<Option<Read>, Halt> {
        let paths: Vec<String> = Self::done(self.store.below("cloud/"))?;
        if paths.is_empty() {
            return Ok(None);
        }
        // All at once: what is needed is asked for in one go.
        let mut needs: Vec<ByteRange> = Vec::new();
        let mut products: BTreeMap<String, ()> = BTreeMap::new();
        for path in &paths {
            if let Step::Needs(ranges) = self.store.read(path)? {
                needs.extend(ranges);
            }
            if let Some(path) = CloudPath::of(path) {
                for product in PRODUCTS {
                    let folder = format!("cloud/{}/{}/{product}", path.provider, path.region);
                    products.insert(folder, ());
                }
            }
        }
        if !needs.is_empty() {
            return Err(Halt::Needs(needs));
        }
        let mut states = BTreeMap::new();
        for folder in products.into_keys() {
            let own = Self::done(self.store.states(&folder))?.into_iter();
            states.extend(own.map(|(name, state)| (format!("{folder}/{name}"), state)));
        }
        let mut files = Vec::new();
        for path in &paths {
            files.extend(self.file(path)?);
        }
        Ok(Some(Read {
            cloud: Arc::new(Cloud::read(files, &states)),
            files: paths.into(),
        }))
    }
}

/// Products whose answers may be missing altogether.
const PRODUCTS: [&str; 10] = [
    "alb", "cbn", "clb", "cvm", "ecs", "nlb", "slb", "tke", "vpc", "vpcpeer",
];
