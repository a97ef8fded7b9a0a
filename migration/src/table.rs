//! Short forms for what every step writes. Frozen with the first step that uses them.

use sea_orm_migration::prelude::*;

/// A column of ids.
pub(crate) fn id(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

/// A column of text that cannot be empty.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().check(Expr::cust(format!("{name} <> ''"))).take()
}

/// A column of text that may be missing.
pub(crate) fn optional_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().null().take()
}

/// A column of whole numbers from `least` to `most`.
pub(crate) fn number(name: &'static str, least: i64, most: i64) -> ColumnDef {
    let range = Expr::cust(format!("{name} BETWEEN {least} AND {most}"));
    ColumnDef::new(name).integer().not_null().check(range).take()
}

/// The same, where it may be missing.
pub(crate) fn optional_number(name: &'static str, least: i64, most: i64) -> ColumnDef {
    let range = Expr::cust(format!("{name} BETWEEN {least} AND {most}"));
    ColumnDef::new(name).integer().null().check(range).take()
}

/// A column of numbers from 0 to 96, quarter hours on the wall.
pub(crate) fn quarters(name: &'static str) -> ColumnDef {
    let range = Expr::cust(format!("{name} BETWEEN 0 AND 96"));
    ColumnDef::new(name).small_integer().not_null().check(range).take()
}

/// A column of instants: milliseconds since 1970-01-01T00:00Z.
pub(crate) fn instant(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

/// A column of large whole numbers that are not negative.
pub(crate) fn counter(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().check(Expr::cust(format!("{name} >= 0"))).take()
}

/// A column of one of `values`.
pub(crate) fn one_of(name: &'static str, values: &[&str]) -> ColumnDef {
    id(name).check(is_one_of(name, values)).take()
}

/// The condition that `name` is one of `values`, or missing.
pub(crate) fn is_one_of(name: &str, values: &[&str]) -> Expr {
    let values: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
    Expr::cust(format!("{name} IN ({})", values.join(", ")))
}

/// A column of truth values.
pub(crate) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

/// `table(columns)` points to `target(target_columns)`; what it points to cannot be removed.
pub(crate) fn reference(
    table: &'static str,
    columns: &[&'static str],
    target: &'static str,
    target_columns: &[&'static str],
) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    // The default action, not RESTRICT: SQLite reports that one as a trigger's failure, not as a foreign key's.
    key.from_tbl(table).to_tbl(target);
    for column in columns {
        key.from_col(*column);
    }
    for column in target_columns {
        key.to_col(*column);
    }
    key
}

/// The same, for what is a part of its target and goes with it.
pub(crate) fn part_of(
    table: &'static str,
    columns: &[&'static str],
    target: &'static str,
    target_columns: &[&'static str],
) -> ForeignKeyCreateStatement {
    reference(table, columns, target, target_columns).on_delete(ForeignKeyAction::Cascade).take()
}

/// The primary key of a table.
pub(crate) fn primary(columns: &[&'static str]) -> IndexCreateStatement {
    keys(Index::create().primary(), columns)
}

/// A constraint inside a table: no two rows agree in all of `columns`.
pub(crate) fn unique(columns: &[&'static str]) -> IndexCreateStatement {
    keys(Index::create().unique(), columns)
}

/// An index of its own.
pub(crate) fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    keys(Index::create().name(name).table(table), columns)
}

fn keys(index: &mut IndexCreateStatement, columns: &[&'static str]) -> IndexCreateStatement {
    for column in columns {
        index.col(*column);
    }
    index.take()
}

/// Drops tables, the last made first.
pub(crate) async fn drop_all(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables {
        manager.drop_table(Table::drop().table(*table).to_owned()).await?;
    }
    Ok(())
}
