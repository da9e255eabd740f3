// Package app is the daemon: it polls the targets of the configuration, evaluates the rules, notifies the receivers and
// answers HTTP requests. Run is the line from the configuration to the series.
package app
