// Package runtimeconfig reads the configuration and compiles it: targets, modules, and the checks of rules.
package runtimeconfig
