package main

type rulesCommands struct{}
