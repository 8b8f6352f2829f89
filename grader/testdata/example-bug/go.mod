module raftlab.example/lab

go 1.24
