//! Memory and the journal under one lock: what is applied to one is written to the other first.
//! Must not decide anything.

use super::under_way::Board;
use crate::model::{Memory, Patch, Plan};
use crate::plan::settle;
use crate::ports::store::{Store, StoreError};
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::Mutex;

/// Keeps Memory and its journal equal.
///
/// Guarantees: a patch is in the journal, durably, before Memory shows it; writes happen one after another. Reading
/// never waits for a write: a run reads Memory while its own changes, which it is not polling, are being written down.
/// If interrupted between the two, the journal is ahead, and the next start reads it.
pub struct Keeper {
    memory: RwLock<Arc<Memory>>,
    turn: Mutex<()>,
    store: Store,
    start: Timestamp,
    board: Board,
    /// Whether this process goes on with what a former one began.
    took_over: AtomicBool,
}

impl Keeper {
    /// Reads Memory from its journal; `start` is now.
    pub async fn load(store: Store, start: Timestamp) -> Result<Self, StoreError> {
        let memory = store.load().await?;
        Ok(Self {
            memory: RwLock::new(Arc::new(memory)),
            turn: Mutex::new(()),
            store,
            start,
            board: Board::default(),
            took_over: AtomicBool::new(false),
        })
    }

    /// Reads Memory from the journal again: another program of this machine may have approved something.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        let memory = self.store.load().await?;
        self.put(memory);
        Ok(())
    }

    /// When this process began to keep Memory: whatever a former one sent was sent before.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Goes on with what a former process began: it settles from this one's start on. Once; later calls do nothing.
    pub async fn take_over(&self) -> Result<(), StoreError> {
        if !self.took_over.load(Ordering::Relaxed) {
            self.write(&settle::reopened(&self.memory(), self.start)).await?;
            self.took_over.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Memory as it is now.
    pub fn memory(&self) -> Arc<Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes patches down, then applies them.
    pub async fn write(&self, patches: &[Patch]) -> Result<(), StoreError> {
        if patches.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        self.store.write(patches).await?;
        // Copies only where somebody still holds the former state.
        let mut held = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        let memory = Arc::make_mut(&mut held);
        for patch in patches {
            memory.apply(patch);
        }
        Ok(())
    }

    fn put(&self, memory: Memory) {
        *self.memory.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(memory);
    }

    /// The plan of the last look, as the controller wrote it down.
    pub async fn last_plan(&self) -> Result<Option<Plan>, StoreError> {
        self.store.last_plan().await
    }

    /// What is being done right now.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The journal, for its runs.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
