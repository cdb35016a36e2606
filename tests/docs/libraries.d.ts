// Their own types would be those of the libraries, which the type check has not installed.
declare module "@hono/node-server";
declare module "express";
declare module "fastify";
declare module "graphql-ws";
declare module "hono";
declare module "hono/streaming";
declare module "mock-socket";
declare module "msw";
declare module "msw/node";
declare module "svelte/store";
declare module "vitest";
declare module "vue";
declare module "ws";
