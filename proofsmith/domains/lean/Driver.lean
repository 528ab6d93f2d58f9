import Lean
open Lean Elab

namespace Proofsmith

/-- Own printer: the embedded build has no code for the library's. -/
partial def nameText : Name → String
  | .anonymous => ""
  | .str .anonymous s => s
  | .str p s => nameText p ++ "." ++ s
  | .num .anonymous n => Nat.repr n
  | .num p n => nameText p ++ "." ++ Nat.repr n

partial def nameOfParts : Name → List String → Name
  | n, [] => n
  | n, s :: rest => nameOfParts (.str n s) rest

def nameOf (text : String) : Name := nameOfParts .anonymous (text.splitOn ".")

def field (j : Json) (key : String) : String :=
  match j.getObjVal? key with
  | .ok (.str s) => s
  | _ => ""

def number (j : Json) (key : String) (default : Nat) : Nat :=
  match j.getObjVal? key with
  | .ok v => match v.getNat? with
    | .ok n => n
    | _ => default
  | _ => default

partial def stringList : List Json → List String
  | [] => []
  | .str s :: rest => s :: stringList rest
  | _ :: rest => stringList rest

partial def append {α : Type} : List α → List α → List α
  | [], ys => ys
  | x :: xs, ys => x :: append xs ys

def none? {α : Type} : List α → Bool
  | [] => true
  | _ => false

def strings (j : Json) (key : String) : List String :=
  match j.getObjVal? key with
  | .ok (.arr a) => stringList a.toList
  | _ => []

def flag (j : Json) (key : String) : Bool :=
  match j.getObjVal? key with
  | .ok (.bool b) => b
  | _ => false

def inputOf (src : String) : Parser.InputContext :=
  { inputString := src, fileName := "<input>", fileMap := FileMap.ofString src,
    endPos := src.rawEndPos, endPos_valid := by simp }

structure Limit where
  heartbeats : Nat
  token : Option IO.CancelToken

def runCommand (ictx : Parser.InputContext) (cmd : Syntax) (pos : String.Pos.Raw) (lim : Limit)
    (st : Command.State) : IO Command.State := do
  let before := st.messages
  let ctx : Command.Context :=
    { fileName := ictx.fileName, fileMap := ictx.fileMap, cmdPos := pos, snap? := none, cancelTk? := lim.token }
  let ref ← ST.mkRef { st with messages := {} }
  let r ← EIO.toIO' (Command.elabCommandTopLevel cmd ctx ref)
  let after ← ref.get
  match r with
  | .ok _ => return { after with messages := before ++ after.messages }
  | .error e =>
    let text ← e.toMessageData.toString
    let msg : Message := { fileName := ictx.fileName, pos := ictx.fileMap.toPosition pos, data := text, severity := .error }
    return { after with messages := (before ++ after.messages).add msg }

partial def runAll (ictx : Parser.InputContext) (ps : Parser.ModuleParserState) (lim : Limit)
    (st : Command.State) : IO Command.State := do
  match st.scopes with
  | [] => return st
  | scope :: _ =>
  let pm : Parser.ParserModuleContext :=
    { env := st.env, options := scope.opts, currNamespace := scope.currNamespace, openDecls := scope.openDecls }
  let (cmd, next, messages) := Parser.parseCommand ictx pm ps st.messages
  let st := { st with messages := messages }
  if Parser.isTerminalCommand cmd then return st
  runAll ictx next lim (← runCommand ictx cmd ps.pos lim st)

def elabText (src : String) (lim : Limit) (st : Command.State) : IO Command.State :=
  runAll (inputOf src) {} lim { st with messages := {} }

def isError (m : Message) : Bool := match m.severity with | .error => true | _ => false

partial def messageList (all : List Message) (left : Nat) : IO (List Json) := do
  match left, all with
  | 0, _ => return []
  | _, [] => return []
  | left + 1, m :: rest =>
    if isError m then
      let text ← m.data.toString
      let j := Json.mkObj [("line", m.pos.line), ("column", m.pos.column), ("text", text)]
      return j :: (← messageList rest left)
    else messageList rest (left + 1)

def optionsOf (heartbeats : Nat) : Options :=
  let o : Options := {}
  let o := o.setBool `Elab.async false
  o.setNat `maxHeartbeats heartbeats

/-- With `replayed` the kernel is left out: another process asks it, and its word alone counts. -/
def withHeartbeats (heartbeats : Nat) (st : Command.State) (replayed : Bool := false) : Command.State :=
  match st.scopes with
  | scope :: rest =>
    let opts := (scope.opts.setNat `maxHeartbeats heartbeats).setBool `debug.skipKernelTC replayed
    { st with scopes := { scope with opts := opts } :: rest }
  | [] => st

/-! Prepared environments: persistent values, kept by the text that made them. -/

abbrev Kept (α : Type) := IO.Ref (List (String × α))

partial def lookUp {α : Type} (key : String) : List (String × α) → Option α
  | [] => none
  | (k, v) :: rest => if k == key then some v else lookUp key rest

partial def firstFew {α : Type} (n : Nat) (all : List α) : List α :=
  match n, all with
  | 0, _ => []
  | _, [] => []
  | n + 1, x :: rest => x :: firstFew n rest

partial def joined (sep : String) : List String → String
  | [] => ""
  | [x] => x
  | x :: rest => x ++ sep ++ joined sep rest

partial def importList : List String → List Import
  | [] => []
  | n :: rest => { module := nameOf n } :: importList rest

def remembered (held : Kept Command.State) (size : Nat) (key : String) (make : IO Command.State) : IO Command.State := do
  match lookUp key (← held.get) with
  | some st => return st
  | none =>
    let st ← make
    let all ← held.get
    held.set ((key, st) :: firstFew size all)
    return st

/-- A proof state: everything that a tactic reads and writes. -/
structure Point where
  goals : List MVarId
  core : Core.State
  meta_ : Meta.State
  term : Term.State
  coreContext : Core.Context
  target : Name

structure Server where
  bases : Kept Command.State
  preludes : Kept Command.State
  statements : Kept Command.State
  points : Kept Point

def header : String := "@[expose] public noncomputable section\nset_option linter.all false\n"

def noLimit : Limit := { heartbeats := 0, token := none }

def baseOf (s : Server) (imports : List String) : IO Command.State :=
  remembered s.bases 3 (joined " " imports) do
    let env ← importModules (importList imports).toArray {} (loadExts := true) (level := .exported)
    let st := Command.mkState env {} (optionsOf 400000)
    elabText header noLimit { st with infoState := { st.infoState with enabled := false } }

def failed (st : Command.State) : IO (List Json) := messageList st.messages.toList 5

def answer (fields : List (String × Json)) : Json := Json.mkObj fields

def errorsAs (key : String) (errors : List Json) : Json :=
  answer [("ok", Json.bool false), (key, Json.arr errors.toArray)]

def wrong (text : String) : Json := Json.mkObj [("line", (0 : Nat)), ("column", (0 : Nat)), ("text", text)]

/-! Text export: names, levels and expressions as tables of nodes, without sharing lost. -/

abbrev Buckets (α : Type) := IO.Ref (Array (List (α × Nat)))

def bucketCount : Nat := 4093

structure Writer where
  names : IO.Ref (Array Json)
  nameAt : Buckets Name
  levels : IO.Ref (Array Json)
  levelAt : Buckets Level
  nodes : IO.Ref (Array Json)
  nodeAt : Buckets Expr
  plain : IO.Ref (Array Expr)
  annotated : IO.Ref Bool
  structures : IO.Ref (List Name)

def newWriter : IO Writer := do
  return { names := ← IO.mkRef #[], nameAt := ← IO.mkRef (Array.replicate bucketCount []),
           levels := ← IO.mkRef #[], levelAt := ← IO.mkRef (Array.replicate bucketCount []),
           nodes := ← IO.mkRef #[], nodeAt := ← IO.mkRef (Array.replicate bucketCount []),
           plain := ← IO.mkRef #[], annotated := ← IO.mkRef false,
           structures := ← IO.mkRef [] }

def bucketOf {α : Type} (held : Buckets α) (i : Nat) : IO (List (α × Nat)) := do
  let all ← held.get
  match all[i]? with
  | some b => return b
  | none => return []

def putIn {α : Type} (held : Buckets α) (i : Nat) (x : α) (at_ : Nat) : IO Unit := do
  let all ← held.swap #[]
  match all[i]? with
  | some b =>
    let all := all.setIfInBounds i []
    held.set (all.setIfInBounds i ((x, at_) :: b))
  | none => held.set all

def push {α : Type} (table : IO.Ref (Array α)) (j : α) : IO Nat := do
  let all ← table.swap #[]
  let n := all.size
  table.set (all.push j)
  return n

partial def nameIn (n : Name) : List (Name × Nat) → Option Nat
  | [] => none
  | (m, i) :: rest => if m == n then some i else nameIn n rest

partial def levelIn (n : Level) : List (Level × Nat) → Option Nat
  | [] => none
  | (m, i) :: rest => if m == n then some i else levelIn n rest

partial def nodeIn (n : Expr) : List (Expr × Nat) → Option Nat
  | [] => none
  | (m, i) :: rest => if m == n then some i else nodeIn n rest

partial def writeName (w : Writer) (n : Name) : IO Nat := do
  let b := n.hash.toNat % bucketCount
  match nameIn n (← bucketOf w.nameAt b) with
  | some i => return i
  | none =>
    let j : Json ← match n with
      | .anonymous => pure (Json.arr #[])
      | .str p s => do let i ← writeName w p; pure (Json.arr #[(i : Json), Json.str s])
      | .num p k => do let i ← writeName w p; pure (Json.arr #[(i : Json), (k : Json)])
    let i ← push w.names j
    putIn w.nameAt b n i
    return i

partial def writeLevel (w : Writer) (l : Level) : IO Nat := do
  let b := l.hash.toNat % bucketCount
  match levelIn l (← bucketOf w.levelAt b) with
  | some i => return i
  | none =>
    let j : Json ← match l with
      | .zero => pure (Json.arr #["z"])
      | .succ a => do let i ← writeLevel w a; pure (Json.arr #["s", (i : Json)])
      | .max a c => do let i ← writeLevel w a; let k ← writeLevel w c; pure (Json.arr #["m", (i : Json), (k : Json)])
      | .imax a c => do let i ← writeLevel w a; let k ← writeLevel w c; pure (Json.arr #["i", (i : Json), (k : Json)])
      | .param n => do let i ← writeName w n; pure (Json.arr #["p", (i : Json)])
      | .mvar _ => throw (IO.userError "a universe is left open")
    let i ← push w.levels j
    putIn w.levelAt b l i
    return i

partial def writeLevels (w : Writer) : List Level → IO (List Json)
  | [] => return []
  | l :: rest => do
    let i ← writeLevel w l
    return (i : Json) :: (← writeLevels w rest)

partial def writeNames (w : Writer) : List Name → IO (List Json)
  | [] => return []
  | n :: rest => do
    let i ← writeName w n
    return (i : Json) :: (← writeNames w rest)

def found (w : Writer) (e : Expr) : IO (Option Nat) := do
  return nodeIn e (← bucketOf w.nodeAt (e.hash.toNat % bucketCount))

/-- Those parts that are not written. -/
partial def missing (w : Writer) : List Expr → IO (List Expr)
  | [] => return []
  | e :: rest => do
    match ← found w e with
    | some _ => missing w rest
    | none => return e :: (← missing w rest)

def children : Expr → List Expr
  | .app f a => [f, a]
  | .lam _ t b _ => [t, b]
  | .forallE _ t b _ => [t, b]
  | .letE _ t v b _ => [t, v, b]
  | .mdata _ e => [e]
  | .proj _ _ e => [e]
  | _ => []

def place (w : Writer) (e : Expr) : IO Json := do
  match ← found w e with
  | some i => return (i : Json)
  | none => throw (IO.userError "export order")

def binderCode : BinderInfo → String
  | .default => "d"
  | .implicit => "i"
  | .strictImplicit => "s"
  | .instImplicit => "c"

def tagged (tag : String) (parts : List Json) : Json := Json.arr (Json.str tag :: parts).toArray

def plainPart (w : Writer) (e : Expr) : IO Expr := do
  match ← found w e with
  | some i => match (← w.plain.get)[i]? with
    | some p => return p
    | none => throw (IO.userError "export order")
  | none => throw (IO.userError "export order")

/-- The term without annotations below it: only then are equal terms written as one node. -/
def plainOf (w : Writer) (e : Expr) : IO Expr := do
  match e with
  | .app f a => return mkApp (← plainPart w f) (← plainPart w a)
  | .lam n t b i => return mkLambda n i (← plainPart w t) (← plainPart w b)
  | .forallE n t b i => return mkForall n i (← plainPart w t) (← plainPart w b)
  | .letE n t v b _ => return mkLet n (← plainPart w t) (← plainPart w v) (← plainPart w b)
  | .proj n i s => return mkProj n i (← plainPart w s)
  | _ => return e

def annotates : Expr → Bool
  | .mdata _ _ => true
  | .letE _ _ _ _ _ => true
  | _ => false

/-- The node of a term like this one but for annotations. -/
def known (w : Writer) (e p : Expr) : IO (Option Nat) := do
  if ← w.annotated.get then found w p
  else if annotates e then found w p
  else return none

def writeNode (w : Writer) (e : Expr) (parts : List Json) : IO Json := do
  let b := e.hash.toNat % bucketCount
  if annotates e then w.annotated.set true
  let p ← match e with
    | .mdata _ inner => plainPart w inner
    | _ => if ← w.annotated.get then plainOf w e else pure e
  match ← known w e p with
  | some i =>
    putIn w.nodeAt b e i
    return (i : Json)
  | none =>
    let j : Json ← match e with
      | .bvar i => pure (Json.arr #["b", (i : Json)])
      | .sort l => do pure (Json.arr #["s", ((← writeLevel w l) : Json)])
      | .const n ls => do
        pure (Json.arr #["c", ((← writeName w n) : Json), Json.arr (← writeLevels w ls).toArray])
      | .app _ _ => pure (tagged "a" parts)
      | .lam n _ _ i => do pure (tagged "l" (((← writeName w n) : Json) :: append parts [Json.str (binderCode i)]))
      | .forallE n _ _ i => do pure (tagged "p" (((← writeName w n) : Json) :: append parts [Json.str (binderCode i)]))
      | .letE n _ _ _ _ => do pure (tagged "e" (((← writeName w n) : Json) :: parts))
      | .lit (.natVal k) => pure (Json.arr #["n", Json.str (Nat.repr k)])
      | .lit (.strVal s) => pure (Json.arr #["t", Json.str s])
      | .proj n i _ => do
        w.structures.set (n :: (← w.structures.get))
        pure (tagged "j" (((← writeName w n) : Json) :: (i : Json) :: parts))
      | _ => throw (IO.userError "the term is not closed")
    let i ← push w.nodes j
    let _ ← push w.plain p
    putIn w.nodeAt b e i
    if ← w.annotated.get then putIn w.nodeAt (p.hash.toNat % bucketCount) p i
    return (i : Json)

mutual
/-- Write `e` with its parts first: by recursion, each part looked up once, and by a list where that would be too deep. -/
partial def writeDown (w : Writer) (depth : Nat) (e : Expr) : IO Json := do
  match ← found w e with
  | some i => return (i : Json)
  | none =>
    match depth, e with
    | 0, _ =>
      writeAll w [e]
      place w e
    | d + 1, .app f a => do
      let i ← writeDown w d f
      let k ← writeDown w d a
      writeNode w e [i, k]
    | d + 1, _ => writeNode w e (← writeParts w d (children e))

partial def writeParts (w : Writer) (depth : Nat) : List Expr → IO (List Json)
  | [] => return []
  | e :: rest => do
    let i ← writeDown w depth e
    return i :: (← writeParts w depth rest)

partial def writeAll (w : Writer) : List Expr → IO Unit
  | [] => return ()
  | e :: rest => do
    match ← missing w (children e) with
    | [] =>
      let _ ← writeDown w 1 e
      writeAll w rest
    | more => writeAll w (append more (e :: rest))
end

/-- Deeper than what people write, and far from what the stack holds. -/
def recursionDepth : Nat := 16

def writeExpr (w : Writer) (e : Expr) : IO Json := writeDown w recursionDepth e

/-! Which declarations are exported. -/

def constantIn (env : Environment) (n : Name) : Option ConstantInfo := env.toKernelEnv.find? n

structure Exporter where
  writer : Writer
  known : Environment
  env : Environment
  done : IO.Ref (List Name)
  decls : IO.Ref (Array Json)

partial def isIn (n : Name) : List Name → Bool
  | [] => false
  | m :: rest => m == n || isIn n rest

/-- Constants below `e`; the structures of projections are not among those that the library reports. -/
def dependencies (x : Exporter) (e : Expr) : IO (List Name) := do
  return append e.getUsedConstants.toList (← x.writer.structures.get)

def pushDecl (x : Exporter) (kind : String) (info : ConstantInfo) (fields : List (String × Json)) : IO Unit := do
  let n ← writeName x.writer info.name
  let ls ← writeNames x.writer info.levelParams
  let j := Json.mkObj (("k", Json.str kind) :: ("n", (n : Json)) :: ("ls", Json.arr ls.toArray) :: fields)
  let _ ← push x.decls j

mutual
partial def exportNames (x : Exporter) : List Name → IO Unit
  | [] => return ()
  | n :: rest => do exportName x n; exportNames x rest

partial def exportName (x : Exporter) (n : Name) : IO Unit := do
  match constantIn x.known n with
  | some _ => return ()
  | none =>
    if isIn n (← x.done.get) then return ()
    x.done.set (n :: (← x.done.get))
    match constantIn x.env n with
    | none => throw (IO.userError ("unknown constant " ++ nameText n))
    | some info => exportInfo x info

partial def exportInfo (x : Exporter) (info : ConstantInfo) : IO Unit := do
  if info.isUnsafe || info.isPartial then throw (IO.userError (nameText info.name ++ " is unsafe or partial"))
  match info with
  | .ctorInfo v => exportName x v.induct
  | .recInfo v => exportNames x v.all
  | .inductInfo v => exportInductive x v
  | .quotInfo _ => throw (IO.userError "quotients are built in")
  | _ =>
    let t ← writeExpr x.writer info.type
    let value? := info.value? (allowOpaque := true)
    let v ← match value? with
      | some v => do pure (("v", ← writeExpr x.writer v) :: [])
      | none => pure []
    exportNames x (← dependencies x info.type)
    match value? with
    | some v => exportNames x (← dependencies x v)
    | none => pure ()
    let kind := match info with
      | .thmInfo _ => "theorem"
      | .defnInfo _ => "definition"
      | .opaqueInfo _ => "opaque"
      | _ => "axiom"
    pushDecl x kind info (("t", t) :: v)

partial def exportInductive (x : Exporter) (v : InductiveVal) : IO Unit := do
  x.done.set (append v.all (← x.done.get))
  let types ← inductiveTypes x v.all
  pushDecl x "inductive" (.inductInfo v) [("params", (v.numParams : Json)), ("types", Json.arr types.toArray)]

partial def inductiveTypes (x : Exporter) : List Name → IO (List Json)
  | [] => return []
  | n :: rest => do
    match constantIn x.env n with
    | some (.inductInfo v) =>
      x.done.set (append v.ctors (← x.done.get))
      let t ← writeExpr x.writer v.type
      exportNames x (← dependencies x v.type)
      let cs ← constructors x v.ctors
      let i ← writeName x.writer n
      let j := Json.mkObj [("n", (i : Json)), ("t", t), ("ctors", Json.arr cs.toArray)]
      return j :: (← inductiveTypes x rest)
    | _ => throw (IO.userError "an inductive type is missing")

partial def constructors (x : Exporter) : List Name → IO (List Json)
  | [] => return []
  | n :: rest => do
    match constantIn x.env n with
    | some info =>
      let t ← writeExpr x.writer info.type
      exportNames x (← dependencies x info.type)
      let i ← writeName x.writer n
      let j := Json.mkObj [("n", (i : Json)), ("t", t)]
      return j :: (← constructors x rest)
    | none => throw (IO.userError "a constructor is missing")
end

/-- Constants that this process declared. -/
partial def newNames : List (PersistentHashMap.Node Name ConstantInfo) → List Name
  | [] => []
  | .collision ks _ _ :: rest => append ks.toList (newNames rest)
  | .entries es :: rest => entryNames es.toList (newNames rest)
where entryNames : List (PersistentHashMap.Entry Name ConstantInfo (PersistentHashMap.Node Name ConstantInfo)) → List Name → List Name
  | [], found => found
  | .entry n _ :: rest, found => n :: entryNames rest found
  | .ref node :: rest, found => append (newNames [node]) (entryNames rest found)
  | .null :: rest, found => entryNames rest found

partial def exportSafe (x : Exporter) : List Name → IO Unit
  | [] => return ()
  | n :: rest => do
    match constantIn x.env n with
    | some info => if info.isUnsafe || info.isPartial then pure () else exportName x n
    | none => pure ()
    exportSafe x rest

/-- The declaration and all that it needs; with `whole` also what else was declared beside it. -/
def exported (known env : Environment) (target : Name) (whole : Bool) : IO Json := do
  let w ← newWriter
  let x : Exporter := { writer := w, known := known, env := env, done := ← IO.mkRef [], decls := ← IO.mkRef #[] }
  match constantIn env target with
  | none => throw (IO.userError ("no declaration named " ++ nameText target))
  | some _ =>
    exportName x target
    if whole then exportSafe x (newNames [env.toKernelEnv.constants.map₂.root])
    return Json.mkObj [("names", Json.arr (← w.names.get)), ("levels", Json.arr (← w.levels.get)),
      ("nodes", Json.arr (← w.nodes.get)), ("decls", Json.arr (← x.decls.get))]

/-! Reading an export: arrays of values, built in the order of the tables. -/

structure Reader where
  names : Array Name
  levels : Array Level
  nodes : Array Expr

def item {α : Type} (all : Array α) (j : Json) : Except String α :=
  match j.getNat? with
  | .ok i => match all[i]? with
    | some x => .ok x
    | none => .error "index out of range"
  | .error e => .error e

partial def readNames : List Json → Array Name → Except String (Array Name)
  | [], done => .ok done
  | .arr a :: rest, done =>
    match a.toList with
    | [] => readNames rest (done.push .anonymous)
    | [p, .str s] => match item done p with
      | .ok n => readNames rest (done.push (.str n s))
      | .error e => .error e
    | [p, k] => match item done p, k.getNat? with
      | .ok n, .ok k => readNames rest (done.push (.num n k))
      | _, _ => .error "name"
    | _ => .error "name"
  | _, _ => .error "name"

partial def items {α : Type} (all : Array α) : List Json → Except String (List α)
  | [] => .ok []
  | j :: rest => match item all j, items all rest with
    | .ok x, .ok xs => .ok (x :: xs)
    | _, _ => .error "index out of range"

/-- Part `i` of a node; null when there is none, which no reader takes. -/
partial def part (args : List Json) (i : Nat) : Json :=
  match i, args with
  | _, [] => Json.null
  | 0, x :: _ => x
  | i + 1, _ :: rest => part rest i

def tagOf : Json → String
  | .str s => s
  | _ => ""

def partsOf : Json → List Json
  | .arr a => a.toList
  | _ => []

def both {α : Type} (x y : Except String α) (f : α → α → α) : Except String α :=
  match x with
  | .error e => .error e
  | .ok a => match y with
    | .error e => .error e
    | .ok b => .ok (f a b)

def one {α β : Type} (x : Except String α) (f : α → β) : Except String β :=
  match x with
  | .error e => .error e
  | .ok a => .ok (f a)

def readLevel (names : Array Name) (done : Array Level) (args : List Json) : Except String Level :=
  let tag := tagOf (part args 0)
  let a := part args 1
  let b := part args 2
  if tag == "z" then .ok .zero
  else if tag == "s" then one (item done a) mkLevelSucc
  else if tag == "m" then both (item done a) (item done b) mkLevelMax
  else if tag == "i" then both (item done a) (item done b) mkLevelIMax
  else if tag == "p" then one (item names a) mkLevelParam
  else .error "level"

partial def readLevels (names : Array Name) : List Json → Array Level → Except String (Array Level)
  | [], done => .ok done
  | j :: rest, done => match readLevel names done (partsOf j) with
    | .ok l => readLevels names rest (done.push l)
    | .error e => .error e

def binderOf : Json → BinderInfo
  | .str "i" => .implicit
  | .str "s" => .strictImplicit
  | .str "c" => .instImplicit
  | _ => .default

def natural (s : String) : Except String Nat :=
  match s.toNat? with
  | some n => .ok n
  | none => .error "number"

def readBinder (names : Array Name) (done : Array Expr) (n t b : Json) (f : Name → Expr → Expr → Expr) : Except String Expr :=
  match item names n with
  | .error e => .error e
  | .ok n => both (item done t) (item done b) (f n)

def readLet (names : Array Name) (done : Array Expr) (n t v b : Json) : Except String Expr :=
  match item done b with
  | .error e => .error e
  | .ok b => readBinder names done n t v fun n t v => mkLet n t v b

def readConst (names : Array Name) (levels : Array Level) (n ls : Json) : Except String Expr :=
  match item names n with
  | .error e => .error e
  | .ok n => one (items levels (partsOf ls)) (fun us => mkConst n us)

def readProjection (names : Array Name) (done : Array Expr) (n i s : Json) : Except String Expr :=
  match item names n with
  | .error e => .error e
  | .ok n => match i.getNat? with
    | .error e => .error e
    | .ok i => one (item done s) (mkProj n i)

def readLiteral (j : Json) (number : Bool) : Except String Expr :=
  match j with
  | .str s => if number then one (natural s) mkRawNatLit else .ok (mkStrLit s)
  | _ => .error "literal"

/-- Terms count no more binders than this: the library ends the process where an index is larger. -/
def readIndex (j : Json) : Except String Expr :=
  match j.getNat? with
  | .ok i => if i < 1000000 then .ok (mkBVar i) else .error "index of a bound variable"
  | .error e => .error e

def readNode (names : Array Name) (levels : Array Level) (done : Array Expr) (args : List Json) : Except String Expr :=
  match args with
  | [.str tag, x, y] =>
    if tag == "a" then match item done x with
      | .error e => .error e
      | .ok f => match item done y with
        | .error e => .error e
        | .ok a => .ok (mkApp f a)
    else if tag == "c" then readConst names levels x y
    else .error "node"
  | [.str tag, x] =>
    if tag == "b" then readIndex x
    else if tag == "s" then one (item levels x) mkSort
    else if tag == "n" then readLiteral x true
    else if tag == "t" then readLiteral x false
    else .error "node"
  | [.str tag, x, y, z, i] =>
    if tag == "l" then readBinder names done x y z fun n t b => mkLambda n (binderOf i) t b
    else if tag == "p" then readBinder names done x y z fun n t b => mkForall n (binderOf i) t b
    else if tag == "e" then readLet names done x y z i
    else .error "node"
  | [.str tag, x, y, z] => if tag == "j" then readProjection names done x y z else .error "node"
  | _ => .error "node"

partial def readNodes (names : Array Name) (levels : Array Level) : List Json → Array Expr → Except String (Array Expr)
  | [], done => .ok done
  | j :: rest, done => match readNode names levels done (partsOf j) with
    | .ok e => readNodes names levels rest (done.push e)
    | .error e => .error e

def listOf (j : Json) (key : String) : List Json :=
  match j.getObjVal? key with
  | .ok (.arr a) => a.toList
  | _ => []

def valueOf (j : Json) (key : String) : Json :=
  match j.getObjVal? key with
  | .ok v => v
  | _ => Json.null

partial def under (root : Name) : Name → Name
  | .anonymous => root
  | .str p x => .str (under root p) x
  | .num p k => .num (under root p) k

def hiddenName (hidden : List Name) (n : Name) : Name :=
  let owner := match n with
    | .str p "rec" => p
    | _ => n
  if isIn owner hidden then under (.num (.str .anonymous "_filled") 0) n else n

partial def hideAll (hidden : List Name) : List Name → Array Name → Array Name
  | [], done => done
  | n :: rest, done => hideAll hidden rest (done.push (hiddenName hidden n))

def readTables (j : Json) (hidden : List Name := []) : Except String Reader :=
  match readNames (listOf j "names") #[] with
  | .error e => .error e
  | .ok names =>
    let names := if none? hidden then names else hideAll hidden names.toList #[]
    match readLevels names (listOf j "levels") #[] with
    | .error e => .error e
    | .ok levels => match readNodes names levels (listOf j "nodes") #[] with
      | .error e => .error e
      | .ok nodes => .ok { names := names, levels := levels, nodes := nodes }

partial def readConstructors (r : Reader) : List Json → Except String (List Constructor)
  | [] => .ok []
  | j :: rest => match item r.names (valueOf j "n"), item r.nodes (valueOf j "t"), readConstructors r rest with
    | .ok n, .ok t, .ok cs => .ok ({ name := n, type := t } :: cs)
    | _, _, _ => .error "constructor"

partial def readTypes (r : Reader) : List Json → Except String (List InductiveType)
  | [] => .ok []
  | j :: rest => match item r.names (valueOf j "n"), item r.nodes (valueOf j "t"),
      readConstructors r (listOf j "ctors"), readTypes r rest with
    | .ok n, .ok t, .ok cs, .ok ts => .ok ({ name := n, type := t, ctors := cs } :: ts)
    | _, _, _, _ => .error "inductive type"

def readDecl (r : Reader) (j : Json) : Except String (Name × Declaration) :=
  match item r.names (valueOf j "n"), items r.names (listOf j "ls") with
  | .ok n, .ok ls =>
    match field j "k" with
    | "inductive" => match readTypes r (listOf j "types") with
      | .ok ts => .ok (n, .inductDecl ls (number j "params" 0) ts false)
      | .error e => .error e
    | kind => match item r.nodes (valueOf j "t") with
      | .error e => .error e
      | .ok t =>
        if kind == "axiom" then .ok (n, .axiomDecl { name := n, levelParams := ls, type := t, isUnsafe := false })
        else match item r.nodes (valueOf j "v") with
          | .error e => .error e
          | .ok v =>
            if kind == "theorem" then .ok (n, .thmDecl { name := n, levelParams := ls, type := t, value := v, all := [n] })
            else if kind == "definition" then
              .ok (n, .defnDecl { name := n, levelParams := ls, type := t, value := v, hints := .regular 1, safety := .safe, all := [n] })
            else if kind == "opaque" then
              .ok (n, .opaqueDecl { name := n, levelParams := ls, type := t, value := v, isUnsafe := false, all := [n] })
            else .error "kind"
  | _, _ => .error "declaration"

/-! Replay: the kernel alone decides, in a process that never elaborated the candidate. -/

/-- What the counter, which runs on from one declaration to the next, may reach while the next one is checked. -/
def kernelBeats : IO USize := do return ((← IO.getNumHeartbeats) + 2000000).toUSize

def kernelText (e : Kernel.Exception) : IO String := (e.toMessageData {}).toString

/-- Two terms alike but for metadata, compared as their exports. -/
def sameTerm (a b : Expr) : IO Bool := do
  let w ← newWriter
  let i ← writeExpr w a
  let k ← writeExpr w b
  return i == k

/-- Add the exported declarations; `given` holds what the statement itself made, which must not change its meaning. -/
partial def replayAll (r : Reader) (given : Kernel.Environment) : List Json → Kernel.Environment → IO (Except String Kernel.Environment)
  | [], env => return .ok env
  | j :: rest, env => do
    match readDecl r j with
    | .error e => return .error ("unreadable export: " ++ e)
    | .ok (n, decl) =>
      match given.find? n with
      | some _ =>
        -- Check it beside the given environment, then demand the same meaning.
        return .error ("redeclares " ++ nameText n)
      | none =>
        match env.addDeclCore (← kernelBeats) decl none with
        | .error e => return .error (nameText n ++ ": " ++ (← kernelText e))
        | .ok env => replayAll r given rest env

structure Audit where
  seen : IO.Ref (Array (List (Name × Nat)))
  axioms : IO.Ref (List Name)
  imported : Environment
  earlier : List Name

/-- Constants below `e`; the structures of projections are audited with the theorem. -/
def namesOf (e : Expr) : List Name := e.getUsedConstants.toList

/-- What the kernel runs as compiled code: the library's own body says so by an axiom, and is not looked into. -/
def compiled (n : Name) : Bool := n == ``Lean.reduceBool || n == ``Lean.reduceNat

/-- Axioms below `todo`: library proofs are not looked into where the toolchain does not ship them. -/
partial def audit (a : Audit) (env : Kernel.Environment) : List Name → IO Unit
  | [] => return ()
  | n :: rest => do
    let b := n.hash.toNat % bucketCount
    match nameIn n (← bucketOf a.seen b) with
    | some _ => audit a env rest
    | none =>
      putIn a.seen b n 0
      if isIn n a.earlier then audit a env rest else
      match constantIn a.imported n with
      | some _ =>
        match getOriginalConstKind? a.imported n with
        | some .axiom => a.axioms.set (n :: (← a.axioms.get))
        | _ => if compiled n then a.axioms.set (``Lean.trustCompiler :: (← a.axioms.get))
        audit a env rest
      | none =>
        match env.find? n with
        | none => audit a env rest
        | some info =>
          match info with
          | .axiomInfo _ => a.axioms.set (n :: (← a.axioms.get))
          | _ => pure ()
          let inType := namesOf info.type
          let inValue := match info.value? (allowOpaque := true) with
            | some v => namesOf v
            | none => []
          let family := match info with
            | .inductInfo v => append v.all v.ctors
            | .ctorInfo v => [v.induct]
            | .recInfo v => v.all
            | _ => []
          audit a env (append inType (append inValue (append family rest)))

/-- The name of an axiom as a verdict compares it: one that a proof brought along never reads like one of the library's. -/
def axiomText (known : Environment) (n : Name) : String :=
  match constantIn known n with
  | some _ => if nameOf (nameText n) == n then nameText n else "«" ++ nameText n ++ "»"
  | none => "an axiom of the proof's own, " ++ nameText n

partial def axiomJsons (known : Environment) : List Name → List Json
  | [] => []
  | n :: rest => Json.str (axiomText known n) :: axiomJsons known rest

partial def nameJsons : List Name → List Json
  | [] => []
  | n :: rest => Json.str (nameText n) :: nameJsons rest

/-! Definitions that the file leaves open: declared from exports alone, under names that no text can say but their own. -/

partial def itemNames (names : Array Name) : List Json → List Name
  | [] => []
  | j :: rest => match item names (valueOf j "n") with
    | .ok n => n :: append (itemNames names (listOf j "ctors")) (itemNames names rest)
    | .error _ => itemNames names rest

/-- Names that an export declares. -/
partial def declared (names : Array Name) : List Json → List Name
  | [] => []
  | j :: rest => append (itemNames names [j]) (append (itemNames names (listOf j "types")) (declared names rest))

partial def others (target : Name) : List Name → List Name
  | [] => []
  | n :: rest => if n == target then others target rest else n :: others target rest

/-- What a candidate declared beside its definitions: in the file these names would mean something to nobody, or to all. -/
partial def hiddenIn : List Json → List Name
  | [] => []
  | h :: rest =>
    let e := valueOf h "export"
    match readNames (listOf e "names") #[] with
    | .ok names => append (others (nameOf (field h "name")) (declared names (listOf e "decls"))) (hiddenIn rest)
    | .error _ => hiddenIn rest

/-- The definition that the file asked for, under the type that the file gave it. -/
def asAsked (asked : ConstantInfo) (decl : Declaration) : IO (Except String Declaration) := do
  match decl with
  | .defnDecl v =>
    if !(v.levelParams == asked.levelParams) then return .error "its universes differ from those in the file"
    if ← sameTerm v.type asked.type then return .ok (.defnDecl { v with type := asked.type })
    return .error "its type differs from that in the file"
  | _ => return .error "it is no definition"

partial def declareAll (r : Reader) (asked : ConstantInfo) : List Json → Environment → IO (Except String Environment)
  | [], env => return .ok env
  | j :: rest, env => do
    match readDecl r j with
    | .error e => return .error ("unreadable export: " ++ e)
    | .ok (n, decl) =>
      match (← if n == asked.name then asAsked asked decl else pure (.ok decl)), constantIn env n with
      | .error e, _ => return .error e
      | _, some _ => return .error ("redeclares " ++ nameText n)
      | .ok decl, none => match env.addDeclCore (← kernelBeats) decl none with
        | .error e => return .error (nameText n ++ ": " ++ (← kernelText e))
        | .ok env => declareAll r asked rest env

/-- What is made by rules of recursion that the library does not run, but compiles otherwise. -/
def recursion (n : Name) : Bool :=
  isIn n [`WellFounded.fix, `WellFounded.fixF, `WellFounded.Nat.fix, `WellFounded.extrinsicFix, `Lean.Order.fix, `Acc.rec]

partial def chosen (base : Environment) : List Name → Option Name
  | [] => none
  | n :: rest =>
    if n == ``Classical.choice || (isNoncomputable base n && !recursion n) then some n else chosen base rest

/-- A constant that no program computes, among what the definitions of an export say. -/
partial def uncomputed (base : Environment) (r : Reader) : List Json → Option Name
  | [] => none
  | j :: rest =>
    let here := match readDecl r j with
      | .ok (_, .defnDecl v) => chosen base v.value.getUsedConstants.toList
      | .ok (_, .opaqueDecl v) => chosen base v.value.getUsedConstants.toList
      | _ => none
    match here with
    | some n => some n
    | none => uncomputed base r rest

partial def foreign (base : Environment) : List Name → Option Name
  | [] => none
  | n :: rest => match constantIn base n with
    | some _ => foreign base rest
    | none => some n

partial def binds : Expr → Bool
  | .lam _ _ _ _ => true
  | .forallE _ _ _ _ => true
  | .letE _ _ _ _ _ => true
  | .app f a => binds f || binds a
  | .mdata _ e => binds e
  | .proj _ _ e => binds e
  | _ => false

partial def underBinders : Expr → Expr → Expr
  | .forallE _ _ t _, .lam _ _ b _ => underBinders t b
  | t, .mdata _ e => underBinders t e
  | _, e => e

/-- Why a value is no answer in closed form: it may bind nothing and name nothing but the library's. -/
def unclosed (base : Environment) (v : DefinitionVal) : Option String :=
  let body := underBinders v.type v.value
  if binds body then some "it binds a variable"
  else match foreign base body.getUsedConstants.toList with
    | some n => some ("it uses " ++ nameText n)
    | none => none

def lawName (h : Json) : Name := hiddenName [nameOf (field h "law_name")] (nameOf (field h "law_name"))

/-- What the file gives of a definition that is open in part, as a theorem about it: the export must have proved that. -/
def keepsLaw (h : Json) (st : Command.State) : IO (Option String) := do
  if field h "law" == "" then return none
  let ref ← elabText (field h "law") noLimit st
  match constantIn ref.env (nameOf (field h "law_name")), ← failed ref with
  | _, _ :: _ => return some "what the file gives of its body does not stand alone"
  | none, _ => return some "what the file gives of its body is no theorem"
  | some info, [] =>
    let proof := mkConst (lawName h) (lawLevels info.levelParams)
    let decl := Declaration.thmDecl { name := `_law, levelParams := info.levelParams, type := info.type, value := proof, all := [`_law] }
    match ref.env.addDeclCore (← kernelBeats) decl none with
    | .ok _ => return none
    | .error _ => return some "the rest of its body is not shown to be the file's"
where
  lawLevels : List Name → List Level
    | [] => []
    | n :: rest => mkLevelParam n :: lawLevels rest

def fillOne (base : Environment) (hidden : List Name) (h : Json) (st : Command.State) : IO (Except String Environment) := do
  let target := nameOf (field h "name")
  let ref ← elabText (field h "text") noLimit st
  match constantIn ref.env target, readTables (valueOf h "export") hidden with
  | none, _ => return .error "the file declares no such definition"
  | _, .error e => return .error ("unreadable export: " ++ e)
  | some info, .ok r =>
    let decls := listOf (valueOf h "export") "decls"
    match ← declareAll r info decls st.env with
    | .error e => return .error e
    | .ok env =>
      match constantIn env target with
      | some (.defnInfo v) =>
        match (if flag h "noncomputable" then none else uncomputed base r decls) with
        | some n => return .error ("it rests on " ++ nameText n ++ ", which no program computes, and the file does not say noncomputable")
        | none => match (if flag h "closed" then unclosed base v else none) with
          | some e => return .error ("no answer in closed form: " ++ e)
          | none => match ← keepsLaw h { st with env := env } with
            | some e => return .error e
            | none => return .ok env
      | _ => return .error "the export declares no such definition"

def complained (text : String) (st : Command.State) : Command.State :=
  { st with messages := st.messages.add { fileName := "", pos := ⟨0, 0⟩, data := text, severity := .error } }

partial def fillAll (base : Environment) (hidden : List Name) : List Json → Command.State → IO Command.State
  | [], st => return st
  | h :: rest, st => do
    match ← fillOne base hidden h st with
    | .error e => return complained (field h "name" ++ ": " ++ e) st
    | .ok env =>
      let text := (if flag h "reducible" then "attribute [reducible] " ++ field h "name" ++ "\n" else "") ++ field h "after"
      let next ← elabText text noLimit { st with env := env }
      fillAll base hidden rest { next with messages := st.messages ++ next.messages }

def contextKey (j : Json) : String :=
  joined " " (strings j "imports") ++ "\n" ++ field j "prelude" ++ (Json.arr (listOf j "holes").toArray).compress

def preludeOf (s : Server) (j : Json) : IO Command.State := do
  let base ← baseOf s (strings j "imports")
  let holes := listOf j "holes"
  if field j "prelude" == "" && none? holes then return base
  remembered s.preludes 7 (contextKey j) do
    fillAll base.env (hiddenIn holes) holes (← elabText (field j "prelude") noLimit base)

/-! Statements and claims. -/

/-- The state in which the statement stands with `sorry` for a proof. -/
def statementOf (s : Server) (j : Json) : IO Command.State := do
  let st ← preludeOf s j
  let text := field j "statement"
  remembered s.statements 7 (contextKey j ++ "\n-- statement\n" ++ text) (elabText text noLimit st)

def claimName (n : Name) : Name :=
  match n with
  | .str p x => .str p (x ++ "_claim")
  | _ => `claim

/-- The environment with `NAME_claim : Prop`, defined as the proposition of the statement. -/
def withClaim (st : Command.State) (info : ConstantInfo) : Except String Command.State :=
  let decl := Declaration.defnDecl { name := claimName info.name, levelParams := info.levelParams, type := mkSort .zero, value := info.type, hints := .«abbrev», safety := .safe, all := [claimName info.name] }
  match st.env.addDeclCore 0 decl none with
  | .ok env => .ok { st with env := env }
  | .error _ => .error "the statement is no proposition"

def claimed (s : Server) (j : Json) : IO (Except String (Command.State × ConstantInfo)) := do
  let st ← statementOf s j
  match constantIn st.env (nameOf (field j "name")) with
  | none => return .error ("the statement declares no " ++ field j "name")
  | some info => return .ok (st, info)

def elaborate (s : Server) (j : Json) : IO Json := do
  let t0 ← IO.monoMsNow
  let st ← preludeOf s j
  let errs ← failed st
  if !none? errs then return errorsAs "prelude" errs
  let start ← if flag j "negate" then
      match ← claimed s j with
      | .ok (ref, info) => pure (withClaim ref info)
      | .error e => pure (.error e)
    else pure (.ok st)
  match start with
  | .error e => return errorsAs "errors" [wrong e]
  | .ok st =>
    let beats := number j "heartbeats" 200000
    let out ← elabText (field j "text") { heartbeats := beats, token := none } (withHeartbeats beats st (flag j "alone"))
    let errs ← failed out
    let t1 ← IO.monoMsNow
    if !none? errs || !flag j "export" then
      return answer [("ok", Json.bool (none? errs)), ("errors", Json.arr errs.toArray), ("ms", t1 - t0)]
    try
      let x ← exported st.env out.env (nameOf (field j "target")) (flag j "whole")
      let t2 ← IO.monoMsNow
      return answer [("ok", Json.bool true), ("ms", t1 - t0), ("export_ms", t2 - t1), ("export", x)]
    catch e => return errorsAs "errors" [wrong e.toString]

def statement (s : Server) (j : Json) : IO Json := do
  let st ← preludeOf s j
  let errs ← failed st
  if !none? errs then return errorsAs "prelude" errs
  let ref ← statementOf s j
  let errs ← failed ref
  if !none? errs then return errorsAs "errors" errs
  match constantIn ref.env (nameOf (field j "name")) with
  | some (.thmInfo v) => return answer [("ok", Json.bool true), ("universes", Json.arr (nameJsons v.levelParams).toArray)]
  | some _ => return errorsAs "errors" [wrong (field j "name" ++ " is no theorem")]
  | none => return errorsAs "errors" [wrong ("there is no theorem " ++ field j "name")]

/-- New names below the statement that its own elaboration made, such as functions for `match`. -/
def auxiliaries (known env : Environment) (info : ConstantInfo) : IO Json := do
  let w ← newWriter
  let x : Exporter := { writer := w, known := known, env := env, done := ← IO.mkRef [info.name], decls := ← IO.mkRef #[] }
  let t ← writeExpr w info.type
  exportNames x (← dependencies x info.type)
  return Json.mkObj [("names", Json.arr (← w.names.get)), ("levels", Json.arr (← w.levels.get)),
    ("nodes", Json.arr (← w.nodes.get)), ("decls", Json.arr (← x.decls.get)), ("type", t)]

partial def without (given : Kernel.Environment) (known : Environment) (r : Reader) : List Json → IO (List Json)
  | [] => return []
  | j :: rest => do
    let more ← without given known r rest
    match readDecl r j with
    | .ok (n, _) =>
      match given.find? n, constantIn known n with
      | some _, none => return more
      | _, _ => return j :: more
    | .error _ => return j :: more

/-- Where the candidate repeats a declaration of the statement's own, it must mean the same. -/
partial def agree (given : Kernel.Environment) (known : Environment) (r : Reader) : List Json → IO (Option String)
  | [] => return none
  | j :: rest => do
    match readDecl r j with
    | .error e => return some ("unreadable export: " ++ e)
    | .ok (n, decl) =>
      match given.find? n, constantIn known n with
      | some info, none =>
        let same ← match decl with
          | .defnDecl v => match info with
            | .defnInfo w => do
              if !(v.levelParams == w.levelParams) then pure false
              else if ← sameTerm v.type w.type then sameTerm v.value w.value else pure false
            | _ => pure false
          | .thmDecl v => match info with
            | .thmInfo w => sameTerm v.type w.type
            | _ => pure false
          | _ => pure false
        if same then agree given known r rest
        else return some (nameText n ++ " means something else than in the statement")
      | _, _ => agree given known r rest

/-- Structures that an export projects from: the library does not count them among a term's constants. -/
partial def projectedIn : List Expr → List Name
  | [] => []
  | .proj n _ _ :: rest => n :: projectedIn rest
  | _ :: rest => projectedIn rest

/-- The environment with what an export declares, and the structures that it projects from. -/
def replayOnto (given : Kernel.Environment) (known : Environment) (j : Json) (hidden : List Name := []) : IO (Except String (Kernel.Environment × List Name)) := do
  match readTables j hidden with
  | .error e => return .error ("unreadable export: " ++ e)
  | .ok r =>
    let decls := listOf j "decls"
    match ← agree given known r decls with
    | some reason => return .error reason
    | none =>
      let rest ← without given known r decls
      match ← replayAll r known.toKernelEnv rest given with
      | .error e => return .error e
      | .ok env => return .ok (env, projectedIn r.nodes.toList)

partial def levelParams : List Name → List Level
  | [] => []
  | n :: rest => mkLevelParam n :: levelParams rest

def wantedType (negate : Bool) (info : ConstantInfo) : Expr :=
  if negate then mkApp (mkConst ``Not) (mkConst (claimName info.name) (levelParams info.levelParams)) else info.type

/-- Theorems of the statement's own context, by name: nothing that a candidate declares can be among them. -/
partial def openNames (env : Environment) : List String → List Name
  | [] => []
  | t :: rest =>
    match constantIn env (nameOf t) with
    | some (.thmInfo _) => nameOf t :: openNames env rest
    | _ => openNames env rest

def projected (hidden : List Name) (j : Json) : List Name :=
  match readTables j hidden with
  | .ok r => projectedIn r.nodes.toList
  | .error _ => []

/-- Definitions that candidates filled in: what they rest on counts, whether the theorem mentions them or not. -/
partial def filledIn (hidden : List Name) : List Json → List Name
  | [] => []
  | h :: rest => nameOf (field h "name") :: lawName h :: append (projected hidden (valueOf h "export")) (filledIn hidden rest)

def judge (s : Server) (j : Json) : IO Json := do
  let t0 ← IO.monoMsNow
  let st ← preludeOf s j
  let holes := listOf j "holes"
  let hidden := hiddenIn holes
  let errs ← failed st
  if !none? errs then return errorsAs "prelude" errs
  match ← claimed s j with
  | .error e => return answer [("ok", Json.bool false), ("reason", e)]
  | .ok (ref, info) =>
    let negate := flag j "negate"
    let start := if negate then withClaim ref info else .ok ref
    match start with
    | .error e => return answer [("ok", Json.bool false), ("reason", e)]
    | .ok start =>
      let known := if negate then start.env else st.env
      let given ← if negate then pure (Except.ok (start.env.toKernelEnv, [])) else do
        replayOnto st.env.toKernelEnv st.env (← auxiliaries st.env ref.env info)
      match given with
      | .error e => return answer [("ok", Json.bool false), ("reason", "statement: " ++ e)]
      | .ok (given, _) =>
        match ← replayOnto given known (valueOf j "export") hidden with
        | .error e => return answer [("ok", Json.bool false), ("reason", e)]
        | .ok (env, structures) =>
          let target := nameOf (field j "target")
          match env.find? target with
          | some (.thmInfo v) =>
            let wanted := wantedType negate info
            if !(v.levelParams == info.levelParams) then
              return answer [("ok", Json.bool false), ("reason", "the universes of the statement differ")]
            if !(← sameTerm v.type wanted) then
              return answer [("ok", Json.bool false), ("reason", "the statement differs from the one that was asked for")]
            let base ← baseOf s (strings j "imports")
            let a : Audit := { seen := ← IO.mkRef (Array.replicate bucketCount []), axioms := ← IO.mkRef [], imported := base.env, earlier := openNames st.env (strings j "earlier") }
            audit a env (target :: append (filledIn hidden holes) structures)
            let t1 ← IO.monoMsNow
            return answer [("ok", Json.bool true), ("axioms", Json.arr (axiomJsons st.env (← a.axioms.get)).toArray), ("ms", t1 - t0)]
          | some _ => return answer [("ok", Json.bool false), ("reason", field j "target" ++ " is no theorem")]
          | none => return answer [("ok", Json.bool false), ("reason", "there is no theorem " ++ field j "target")]

/-! Proof states: goals, and everything that tactics read and write, as values that can be continued at will. -/

/-- The elements of a persistent array; the embedded build has no code for the library's function. -/
partial def leaves {α : Type} : List (PersistentArrayNode α) → List α
  | [] => []
  | .leaf xs :: rest => append xs.toList (leaves rest)
  | .node ns :: rest => leaves (append ns.toList rest)

def elements {α : Type} (all : PersistentArray α) : List α := append (leaves [all.root]) all.tail.toList

partial def firstSorry : List Elab.InfoTree → Option Elab.TacticInfo
  | [] => none
  | .context _ t :: rest => firstSorry (t :: rest)
  | .hole _ :: rest => firstSorry rest
  | .node i cs :: rest =>
    match i with
    | .ofTacticInfo t =>
      if t.stx.getKind == ``Lean.Parser.Tactic.tacticSorry then some t else firstSorry (append (elements cs) rest)
    | _ => firstSorry (append (elements cs) rest)

def inTerm {α : Type} (p : Point) (beats : Nat) (x : TermElabM α) : IO (Except String (α × Point)) := do
  let core ← ST.mkRef p.core
  let meta_ ← ST.mkRef p.meta_
  let term ← ST.mkRef p.term
  let ctx := { p.coreContext with maxHeartbeats := beats * 1000, initHeartbeats := ← IO.getNumHeartbeats }
  let r ← EIO.toIO' (x { declName? := some p.target, errToSorry := false } term {} meta_ ctx core)
  match r with
  | .error e => return .error (← e.toMessageData.toString)
  | .ok v => return .ok (v, { p with core := ← core.get, meta_ := ← meta_.get, term := ← term.get })

def rootPoint (s : Server) (j : Json) : IO (Except String Point) := do
  let st ← preludeOf s j
  let src := field j "statement"
  let out ← elabText src noLimit { st with infoState := { st.infoState with enabled := true } }
  match firstSorry (elements out.infoState.trees), st.scopes with
  | some t, scope :: _ =>
    let context : Core.Context := {
      fileName := "<tactic>"
      fileMap := FileMap.ofString ""
      options := scope.opts
      currNamespace := scope.currNamespace
      openDecls := scope.openDecls }
    return .ok {
      goals := t.goalsBefore
      core := { env := out.env, ngen := { namePrefix := `_proofsmith } }
      meta_ := { mctx := t.mctxBefore }
      term := {}
      target := nameOf (field j "name")
      coreContext := context }
  | _, _ => return .error "the statement has no proof by tactics to start from"

partial def unassigned (mctx : MetavarContext) : List MVarId → List MVarId
  | [] => []
  | g :: rest => match Lean.MetavarContext.getExprAssignmentCore? mctx g with
    | some _ => unassigned mctx rest
    | none => g :: unassigned mctx rest

def tacticOn (p : Point) (text : String) (beats : Nat) : IO (Except String Point) := do
  match Parser.runParserCategory p.core.env `tactic ("(\n" ++ text ++ "\n)") "<tactic>" with
  | .error e => return .error e
  | .ok stx =>
    let run : TermElabM (List MVarId) := do
      let ref ← ST.mkRef ({ goals := p.goals } : Tactic.State)
      Tactic.evalTactic stx { elaborator := .anonymous, recover := false } ref
      Term.synthesizeSyntheticMVarsNoPostponing
      return (← ref.get).goals
    match ← inTerm p beats run with
    | .error e => return .error e
    | .ok (goals, q) =>
      match ← messageList q.core.messages.toList 1 with
      | m :: _ => return .error (field m "text")
      | [] => return .ok { q with goals := unassigned q.meta_.mctx goals }

partial def goalTexts (p : Point) : List MVarId → IO (List Json)
  | [] => return []
  | g :: rest => do
    let one ← inTerm p 400000 (do return (← Meta.ppGoal g).pretty)
    let j := match one with
      | .ok (t, _) => Json.str t
      | .error e => Json.str e
    return j :: (← goalTexts p rest)

/-- The metavariables that hold at a part of a text: those of the command, or of the tactic around it. -/
def contextOf (mctx : MetavarContext) : PartialContextInfo → MetavarContext
  | .commandCtx c => c.mctx
  | _ => mctx

/-- The type that a `sorry` was given in the end, where nothing around it said one. -/
partial def sorryType : Expr → Expr
  | .mdata _ e => sorryType e
  | .app (.app (.const ``sorryAx _) t) _ => t
  | .app (.app (.app (.const ``sorryAx _) (.forallE _ _ t _)) _) _ => t
  | e => e

/-- What every `sorry` of a text stands for, as the editor shows it. -/
partial def gaps (p : Point) : List (MetavarContext × Elab.InfoTree) → IO (List Json)
  | [] => return []
  | (mctx, .context c t) :: rest => gaps p ((contextOf mctx c, t) :: rest)
  | (_, .hole _) :: rest => gaps p rest
  | (mctx, .node i cs) :: rest => do
    match i with
    | .ofTacticInfo t =>
      if t.stx.getKind == ``Lean.Parser.Tactic.tacticSorry then
        return append (← goalTexts { p with meta_ := { mctx := t.mctxBefore } } (firstFew 1 t.goalsBefore)) (← gaps p rest)
      else gaps p (append (below t.mctxAfter (elements cs)) rest)
    | .ofTermInfo t =>
      match t.stx.getKind == ``Lean.Parser.Term.sorry with
      | true =>
        let one ← inTerm { p with meta_ := { mctx := mctx } } 400000 (do
          let type ← instantiateMVars (t.expectedType?.getD (sorryType t.expr))
          let g ← Meta.mkFreshExprMVarAt t.lctx #[] type
          return (← Meta.ppGoal g.mvarId!).pretty)
        match one with
        | .ok (text, _) => return Json.str text :: (← gaps p rest)
        | .error _ => gaps p rest
      | false => gaps p (append (below mctx (elements cs)) rest)
    | _ => gaps p (append (below mctx (elements cs)) rest)
where
  below (mctx : MetavarContext) : List Elab.InfoTree → List (MetavarContext × Elab.InfoTree)
    | [] => []
    | t :: rest => (mctx, t) :: below mctx rest

/-- The goals that a proof with gaps leaves, or the errors of one that has some. -/
def sketch (s : Server) (j : Json) : IO Json := do
  let st ← preludeOf s j
  let beats := number j "heartbeats" 200000
  let st := withHeartbeats beats { st with infoState := { st.infoState with enabled := true } }
  let out ← elabText (field j "text") { heartbeats := beats, token := none } st
  let errs ← failed out
  if !none? errs then return errorsAs "errors" errs
  let p : Point := {
    goals := []
    core := { env := out.env }
    meta_ := {}
    term := {}
    target := .anonymous
    coreContext := { fileName := "<sketch>", fileMap := FileMap.ofString "" } }
  let found ← gaps p (gaps.below {} (elements out.infoState.trees))
  return answer [("ok", Json.bool true), ("goals", Json.arr found.toArray)]

def pointKey (j : Json) (path : List String) : String :=
  field j "key" ++ "\n" ++ joined "\n--\n" path

def keepPoint (s : Server) (key : String) (p : Point) : IO Unit := do
  s.points.set ((key, p) :: firstFew 400 (← s.points.get))

partial def butLast : List String → List String
  | [] => []
  | [_] => []
  | x :: rest => x :: butLast rest

partial def lastOf : List String → String
  | [] => ""
  | [x] => x
  | _ :: rest => lastOf rest

/-- The state after the tactics of `path`: remembered, or made again from the longest part that is. -/
partial def pointAt (s : Server) (j : Json) (beats : Nat) (path : List String) : IO (Except String Point) := do
  let key := pointKey j path
  match lookUp key (← s.points.get) with
  | some p => return .ok p
  | none =>
    let made ← match path with
      | [] => rootPoint s j
      | _ => match ← pointAt s j beats (butLast path) with
        | .error e => pure (.error e)
        | .ok p => tacticOn p (lastOf path) beats
    match made with
    | .ok p => keepPoint s key p
    | .error _ => pure ()
    return made

def tactic (s : Server) (j : Json) : IO Json := do
  let t0 ← IO.monoMsNow
  let errs ← failed (← preludeOf s j)
  if !none? errs then return errorsAs "prelude" errs
  match ← pointAt s j (number j "heartbeats" 60000) (strings j "path") with
  | .error e => return errorsAs "errors" [wrong e]
  | .ok p =>
    let goals ← goalTexts p p.goals
    let t1 ← IO.monoMsNow
    return answer [("ok", Json.bool true), ("goals", Json.arr goals.toArray), ("ms", t1 - t0)]

/-! The library's theorems, for retrieval. -/

partial def lastArguments : Expr → List Name
  | .mdata _ e => lastArguments e
  | .app f a => match f with
    | .app _ b => [nameIfConst b.getAppFn, nameIfConst a.getAppFn]
    | _ => [nameIfConst a.getAppFn]
  | _ => []
where nameIfConst : Expr → Name
  | .const n _ => n
  | _ => .anonymous

/-- What a proposition says at its head, and what its last two arguments are: `Eq`, and both sides. -/
def heads (e : Expr) : List Json := nameJsons (lastArguments.nameIfConst e.getAppFn :: lastArguments e)

/-- Constants of the hypotheses of a type, its conclusion beside them. -/
partial def apart : Expr → List Name → List Name × Expr
  | .forallE _ t b i, found => apart b (match i with
    | .default => append t.getUsedConstants.toList found
    | _ => found)
  | .mdata _ e, found => apart e found
  | e, found => (found, e)

def constants (ns : List Name) : Json := Json.arr (nameJsons ns).toArray

/-- The theorems among the next `left` constants of a module from the `i`-th. -/
partial def theoremsOf (env : Environment) (d : ModuleData) (i left : Nat) : List Json :=
  match left, d.constNames[i]?, d.constants[i]? with
  | left + 1, some n, some info =>
    let rest := theoremsOf env d (i + 1) left
    if n.isInternal then rest
    else match getOriginalConstKind? env n with
      | some .thm =>
        let (given, wanted) := apart info.type []
        Json.arr #[Json.str (nameText n), constants wanted.getUsedConstants.toList, constants given, Json.arr (heads wanted).toArray] :: rest
      | _ => rest
  | _, _, _ => []

/-- Constants read on one request: the recursion over more would be the end of the stack. -/
def premiseCount : Nat := 40

def premises (s : Server) (j : Json) : IO Json := do
  let st ← preludeOf s j
  let start := number j "from" 0
  match st.env.header.moduleData[number j "module" 0]? with
  | some d =>
    let next : Nat := if start + premiseCount < d.constNames.size then start + premiseCount else 0
    return answer [("ok", Json.bool true), ("next", next), ("modules", st.env.header.moduleData.size),
      ("theorems", Json.arr (theoremsOf st.env d start premiseCount).toArray)]
  | none => return answer [("ok", Json.bool true), ("end", Json.bool true)]

/-- Constants that the file's own definitions among `todo` are made of, and those of these. -/
partial def behind (base env : Environment) (seen : IO.Ref (List Name)) : List Name → IO Unit
  | [] => return ()
  | n :: rest => do
    if isIn n (← seen.get) then behind base env seen rest else
    seen.set (n :: (← seen.get))
    match constantIn base n, constantIn env n with
    | none, some info => match info.value? (allowOpaque := true) with
      | some v => behind base env seen (append v.getUsedConstants.toList rest)
      | none => behind base env seen rest
    | _, _ => behind base env seen rest

partial def contextConstants : List (Option LocalDecl) → MetaM (List Name)
  | [] => return []
  | none :: rest => contextConstants rest
  | some d :: rest => do
    if d.isImplementationDetail then contextConstants rest else
    let t ← instantiateMVars d.type
    return append t.getUsedConstants.toList (← contextConstants rest)

/-- Constants of the first goal of a state: of its target, of its hypotheses, and behind both. -/
def symbols (s : Server) (j : Json) : IO Json := do
  match ← pointAt s j (number j "heartbeats" 60000) (strings j "path") with
  | .error e => return errorsAs "errors" [wrong e]
  | .ok p =>
    let read ← inTerm p 400000 (do
      let g := match p.goals with
        | g :: _ => g
        | [] => default
      let d ← g.getDecl
      let t ← instantiateMVars d.type
      return (t, ← contextConstants (elements d.lctx.decls)))
    match read with
    | .error e => return errorsAs "errors" [wrong e]
    | .ok ((t, context), _) =>
      let base ← baseOf s (strings j "imports")
      let seen ← IO.mkRef []
      let (given, wanted) := apart t context
      behind base.env p.core.env seen (append t.getUsedConstants.toList context)
      return answer [("ok", Json.bool true), ("target", constants wanted.getUsedConstants.toList),
        ("context", constants given), ("behind", constants (← seen.get)), ("heads", Json.arr (heads wanted).toArray)]

partial def typeTexts (p : Point) : List String → IO (List Json)
  | [] => return []
  | n :: rest => do
    let one ← match constantIn p.core.env (nameOf n) with
      | none => pure (.error "")
      | some info => inTerm p 400000 (do return (← Meta.ppExpr info.type).pretty)
    let j := match one with
      | .ok (t, _) => Json.str t
      | .error _ => Json.null
    return j :: (← typeTexts p rest)

def types (s : Server) (j : Json) : IO Json := do
  let st ← preludeOf s j
  let p : Point := {
    goals := []
    core := { env := st.env }
    meta_ := {}
    term := {}
    target := .anonymous
    coreContext := { fileName := "<types>", fileMap := FileMap.ofString "" } }
  return answer [("ok", Json.bool true), ("types", Json.arr (← typeTexts p (strings j "names")).toArray)]

def handle (s : Server) (j : Json) : IO Json := do
  match field j "op" with
  | "elaborate" => elaborate s j
  | "statement" => statement s j
  | "judge" => judge s j
  | "tactic" => tactic s j
  | "premises" => premises s j
  | "sketch" => sketch s j
  | "types" => types s j
  | "symbols" => symbols s j
  | "" => return answer [("ready", Json.bool true), ("lean", Lean.versionString)]
  | other => return answer [("fault", "unknown request " ++ other)]

partial def serve (s : Server) (inp out : IO.FS.Stream) : IO Unit := do
  let line ← inp.getLine
  if line.isEmpty then return
  let nonce := (line.take 32).toString
  let body := (line.drop 33).toString.trimAscii.toString
  let reply ← try
      match (if body.isEmpty then .ok (Json.mkObj []) else Json.parse body) with
      | .ok j => handle s j
      | .error e => pure (answer [("fault", e)])
    catch e => pure (answer [("fault", e.toString)])
  out.putStr ("\n" ++ nonce ++ " " ++ reply.compress ++ "\n")
  out.flush
  serve s inp out

def resume (s : Server) (_ : Unit) : IO Unit := do
  serve s (← IO.getStdin) (← IO.getStdout)

def start : IO Unit := do
  let s : Server := { bases := ← IO.mkRef [], preludes := ← IO.mkRef [], statements := ← IO.mkRef [], points := ← IO.mkRef [] }
  let _ ← baseOf s ["Init", "Std"]
  match ← IO.getEnv "PROOFSMITH_KEEP" with
  | some folder =>
    -- The loader keeps the memory as it is when this file is to be removed, and a later process calls the closure.
    let server ← IO.mkRef (resume s)
    IO.FS.removeFile (folder ++ Nat.repr (unsafe (ptrAddrUnsafe (← server.get))).toNat)
    (← server.get) ()
  | none => resume s ()

end Proofsmith

public def main : IO Unit := Proofsmith.start
