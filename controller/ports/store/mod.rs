//! The journal: Memory and the last runs, in one SQLite file. Speaks SQL and nothing else; what a patch means is
//! `Memory::apply`'s to say, and what is remembered is decided elsewhere.

mod error;
mod looks;
mod open;
mod probe;
mod restore;
mod rows;
mod runs;
mod schema;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use restore::restore;
pub use runs::{Ending, KEPT, Run, Tally};

use crate::model::{Memory, Patch};
use rows::{Row, Table, Touched};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};
use std::path::{Path, PathBuf};

/// The journal, open. Clones share it.
///
/// **Flow**: `load` once at start; then every step of Memory goes through `write` before, or with, what depends on it.
///
/// **Guarantees**: when `write` returns, its patches are on disk (WAL, synchronous=FULL), all of them or none; what
/// `load` gives is what `Memory::apply` makes of the same patches in the same order.
///
/// **Assumptions**: one controller writes. Others may read, and short writes of theirs are waited for (5 s).
///
/// **What happens if interrupted**: a `write` that was not finished, by a crash or because its future was dropped, left
/// nothing behind.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    path: PathBuf,
}

impl Store {
    /// Reads everything remembered.
    pub async fn load(&self) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        let mut transaction = self.pool.begin().await.map_err(|e| self.sql("read", e))?;
        for table in Table::ALL {
            let query = format!("SELECT key, json FROM {}", table.name());
            let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(query))
                .fetch_all(&mut *transaction)
                .await
                .map_err(|e| self.sql("read", e))?;
            for (key, json) in rows {
                self.put(&mut memory, table, &key, &json)?;
            }
        }
        let deletions: Vec<String> = sqlx::query_scalar("SELECT json FROM deletions ORDER BY n")
            .fetch_all(&mut *transaction)
            .await
            .map_err(|e| self.sql("read", e))?;
        for json in deletions {
            let deletion = serde_json::from_str(&json).map_err(|e| self.odd("deletions", "", &e.to_string()))?;
            memory.deletions.push(deletion);
        }
        Ok(memory)
    }

    /// Writes patches down, in order, all or none; on return they are on disk.
    ///
    /// It does not repeat the rules of `Memory::apply` in SQL: it reads the rows whose former content matters into a
    /// small Memory, lets the patches loose on that, and writes the touched rows back. So a zone whose five hundred
    /// parts come in sync is read and written once.
    pub async fn write(&self, patches: &[Patch]) -> Result<(), StoreError> {
        if patches.is_empty() {
            return Ok(());
        }
        let touched = Touched::by(patches);
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(|e| self.sql("write", e))?;
        let mut memory = self.former(&mut transaction, &touched).await?;
        for patch in patches {
            memory.apply(patch);
        }
        for table in Table::ALL {
            self.write_rows(&mut transaction, table, &touched, &memory).await?;
        }
        self.write_deletions(&mut transaction, &touched, &memory).await?;
        transaction.commit().await.map_err(|e| self.sql("write", e))
    }

    /// Closes the file, after what was begun has ended. Clones can no longer be used.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Where the journal is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn former(&self, connection: &mut SqliteConnection, touched: &Touched) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        for table in Table::ALL {
            let keys: Vec<String> = touched.read.iter().filter(|r| r.table() == table).map(Row::key).collect();
            if keys.is_empty() {
                continue;
            }
            let query =
                format!("SELECT key, json FROM {} WHERE key IN (SELECT value FROM json_each($1))", table.name());
            let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(query))
                .bind(self.json("keys", &keys)?)
                .fetch_all(&mut *connection)
                .await
                .map_err(|e| self.sql("read", e))?;
            for (key, json) in rows {
                self.put(&mut memory, table, &key, &json)?;
            }
        }
        Ok(memory)
    }

    /// One statement a table for what is there and one for what is not, whatever the number of rows.
    async fn write_rows(
        &self,
        connection: &mut SqliteConnection,
        table: Table,
        touched: &Touched,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        let (mut there, mut gone) = (Vec::new(), Vec::new());
        for row in touched.written.iter().filter(|r| r.table() == table) {
            let key = row.key();
            match row.json(memory) {
                Some(Ok(json)) => there.push((key, json)),
                Some(Err(source)) => return Err(StoreError::Json { what: format!("{} {key}", table.name()), source }),
                None => gone.push(key),
            }
        }
        let name = table.name();
        if !there.is_empty() {
            let upsert = format!(
                "INSERT INTO {name} (key, json) SELECT value ->> 0, value ->> 1 FROM json_each($1) WHERE true \
                 ON CONFLICT (key) DO UPDATE SET json = excluded.json"
            );
            let rows = self.json(name, &there)?;
            self.execute(connection, sqlx::query(AssertSqlSafe(upsert)).bind(rows)).await?;
        }
        if !gone.is_empty() {
            let delete = format!("DELETE FROM {name} WHERE key IN (SELECT value FROM json_each($1))");
            let keys = self.json(name, &gone)?;
            self.execute(connection, sqlx::query(AssertSqlSafe(delete)).bind(keys)).await?;
        }
        Ok(())
    }

    /// `memory` holds only what these patches added and did not remove again; it comes after what the journal has.
    async fn write_deletions(
        &self,
        connection: &mut SqliteConnection,
        touched: &Touched,
        memory: &Memory,
    ) -> Result<(), StoreError> {
        if let Some(time) = touched.deletions_before {
            let cut = "DELETE FROM deletions WHERE at_second < $1 OR (at_second = $1 AND at_nano < $2)";
            let query = sqlx::query(cut).bind(time.as_second()).bind(time.subsec_nanosecond());
            self.execute(connection, query).await?;
        }
        for deletion in &memory.deletions {
            let insert = "INSERT INTO deletions (at_second, at_nano, json) VALUES ($1, $2, $3)";
            let at = deletion.at;
            let query = sqlx::query(insert)
                .bind(at.as_second())
                .bind(at.subsec_nanosecond())
                .bind(self.json("a deletion", deletion)?);
            self.execute(connection, query).await?;
        }
        Ok(())
    }

    async fn execute(
        &self,
        connection: &mut SqliteConnection,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<(), StoreError> {
        query.execute(connection).await.map_err(|e| self.sql("write", e)).map(drop)
    }

    fn json<T: serde::Serialize + ?Sized>(&self, what: &str, value: &T) -> Result<String, StoreError> {
        serde_json::to_string(value).map_err(|source| StoreError::Json { what: what.to_owned(), source })
    }

    fn put(&self, memory: &mut Memory, table: Table, key: &str, json: &str) -> Result<(), StoreError> {
        rows::put(memory, table, key, json).map_err(|e| self.odd(table.name(), key, &e))
    }

    fn odd(&self, table: &str, key: &str, why: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), what: format!("{table} {key:?}: {why}"), source: None }
    }

    fn sql(&self, doing: &'static str, source: sqlx::Error) -> StoreError {
        StoreError::sql(doing, &self.path, source)
    }
}
