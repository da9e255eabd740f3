// Package runtimeconfig reads the configuration and compiles it to what runs: targets, modules, and the checks of rules.
package runtimeconfig
