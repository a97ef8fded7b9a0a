//! The schema: the only code that knows async-graphql, but for the library's WebSocket service in `http`.

pub mod arguments;
pub mod error;
pub mod execute;
pub mod gate;
pub mod guard;
pub mod loader;
pub mod mask;
pub mod mutation;
pub mod page;
pub mod query;
pub mod request;
pub mod scalar;
pub mod socket;
pub mod subscription;
#[cfg(test)]
pub(crate) mod testing;
pub mod types;

use async_graphql::{Schema, SchemaBuilder};

use execute::Engine;
use loader::Loads;
use mutation::Mutation;
use query::Query;
use subscription::Subscription;

use crate::service::Services;

/// The most that the lists of one operation may come to, by their sizes.
const MAX_COMPLEXITY: usize = 20_000;

/// The schema, ready to execute operations on `services`. To be called within the runtime that serves requests.
#[must_use]
pub fn engine(services: Services) -> Engine {
    let clock = services.clock();
    Engine::new(builder().data(Loads::new(services.clone())).data(services).finish(), clock)
}

/// The schema in the schema definition language.
#[must_use]
pub fn sdl() -> String {
    builder().finish().sdl()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription).limit_complexity(MAX_COMPLEXITY)
}
